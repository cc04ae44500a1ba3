"""Pairs of graphs as the hub publishes them: `vision_encoder.onnx` and `prompt_encoder_mask_decoder.onnx`.

    python -m tests.reference.pairs tests/fixtures

Names, shapes and axes are those of the pairs of onnx-community and Xenova; weights of the first lie in side files, as
there, and the networks are those of `tiny.py`.
"""

import sys
import warnings
from pathlib import Path

import torch
from tests.reference.tiny import TINY
from torch import Tensor, nn

from rubylith.engine.export.parts import Source, parts_of
from rubylith.engine.export.sources import from_transformers

DYNAMIC = torch.export.Dim.DYNAMIC
NAMES = {  # of embeddings
    "sam": ("image_embeddings", "image_positional_embeddings"),
    "sam2": ("image_embeddings.0", "image_embeddings.1", "image_embeddings.2"),
}


class Encoder(nn.Module):
    """pixel_values → the embeddings; SAM's hands on the picture's positions, too, which are the same for all."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.encoder = source.encoder
        self.position = source.model.get_image_wide_positional_embeddings() if source.family == "sam" else None

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        embeddings = self.encoder(pixel_values)
        return embeddings if self.position is None else (*embeddings, self.position + 0 * pixel_values.mean())


class Decoder(nn.Module):
    """Points (1, P, N, 2), labels (1, P, N) int64, with SAM 2 boxes (1, B, 4), B 0 or 1 → the three masks."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        parts = {part.name: part.module for part in parts_of(source)}
        self.prepare, self.transformer, self.upscaler = parts["prepare"], parts["transformer"], parts["upscaler"]
        self.low = source.mask_size

    def decode(self, points: Tensor, labels: Tensor, coarse: Tensor, fine: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        points = torch.cat([points, torch.zeros_like(points[:, :, :1])], 2)[0]
        labels = torch.cat([labels, labels.new_full((1, labels.shape[1], 1), -1)], 2)[0]
        prepared = self.prepare(coarse, torch.zeros(1, 1, self.low, self.low), torch.zeros(1))
        iou, hyper, told, *presence = self.transformer(*prepared, points=points, labels=labels)
        masks = self.upscaler.masks(told, hyper[:, 1:], *(fine or (None, None)))
        return iou[None, :, 1:], masks[None], *(one[None] for one in presence)


class PlainDecoder(Decoder):
    """SAM's."""

    def forward(
        self, input_points: Tensor, input_labels: Tensor, image_embeddings: Tensor, image_positional_embeddings: Tensor
    ) -> tuple[Tensor, ...]:
        coarse = image_embeddings + 0 * image_positional_embeddings
        return self.decode(input_points, input_labels, coarse, ())


class BoxDecoder(Decoder):
    """SAM 2's; a box is two more points."""

    def forward(
        self,
        input_points: Tensor,
        input_labels: Tensor,
        input_boxes: Tensor,
        fine: Tensor,
        middle: Tensor,
        coarse: Tensor,
    ) -> tuple[Tensor, ...]:
        prompts, corners = input_points.shape[1], 2 * input_boxes.shape[1]
        box = input_boxes.reshape(1, 1, corners, 2).expand(1, prompts, corners, 2)
        kinds = (2 + torch.arange(corners) % 2).expand(1, prompts, corners)
        points = torch.cat([input_points, box], 2)
        return self.decode(points, torch.cat([input_labels, kinds], 2), coarse, (fine, middle))


def write_pair(source: Source, folder: Path) -> None:
    """Write the two graphs into `folder`/onnx."""
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    names, is_sam2 = NAMES[source.family], source.family == "sam2"
    pixels = torch.randn(1, 3, source.side, source.side)
    encoder = Encoder(source).eval()
    _write(encoder, (pixels,), folder / "onnx" / "vision_encoder.onnx", ["pixel_values"], list(names), None)
    embeddings = encoder(pixels)
    points, labels = torch.rand(1, 2, 3, 2) * source.side, torch.ones(1, 2, 3, dtype=torch.int64)
    free = {1: DYNAMIC, 2: DYNAMIC}
    arrays = (points, labels, *((torch.rand(1, 4, 4),) if is_sam2 else ()), *embeddings)
    shapes = (free, free, *(({1: DYNAMIC},) if is_sam2 else ()), *(None for _ in embeddings))
    inputs = ["input_points", "input_labels", *(["input_boxes"] if is_sam2 else []), *names]
    outputs = ["iou_scores", "pred_masks", *(["object_score_logits"] if is_sam2 else [])]
    decoder = (BoxDecoder if is_sam2 else PlainDecoder)(source).eval()
    _write(decoder, arrays, folder / "onnx" / "prompt_encoder_mask_decoder.onnx", inputs, outputs, shapes)


def _write(module, arrays, path: Path, inputs: list[str], outputs: list[str], shapes) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            arrays,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=shapes,
            dynamo=True,
            opset_version=20,
            verbose=False,
        )
        program.save(str(path), external_data=False)
    put_weights_aside(path)


def put_weights_aside(path: Path) -> None:
    """Move the weights into a side file, named as on the hub."""
    import onnx

    graph = onnx.load(path)
    for node in graph.graph.node:  # where it came from, which would be most of the file
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in graph.graph.value_info:
        value.ClearField("metadata_props")
    onnx.save(
        graph,
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{path.name}_data",
        size_threshold=256,
    )


def main() -> None:
    """Write both pairs into the folder named first."""
    for family in NAMES:
        write_pair(from_transformers(TINY[family]()), Path(sys.argv[1]) / f"pair-{family}")


if __name__ == "__main__":
    main()
