"""Tiny universal models of transformers with random weights, and what transformers makes of their answers.

`python -m tests.reference.universal` writes tests/fixtures/universal-*: each family's graph as our export writes it,
and reference.npz with transformers' own post-processing. It needs the extra `torch`; what it wrote needs nothing.
"""

import shutil
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn
from transformers import (
    EomtConfig,
    EomtForUniversalSegmentation,
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    OneFormerConfig,
    OneFormerForUniversalSegmentation,
    SwinConfig,
)

from rubylith.domain.image import Image
from rubylith.engine.engine import Engine
from rubylith.engine.export.universal import export_universal, from_transformers

FIXTURES = Path(__file__).parents[1] / "fixtures"
SIDE = 64
NAMES = {0: "person", 1: "car", 2: "tree-merged", 3: "sky-other-merged", 4: "road"}
PICTURES = {"square": (80, 80), "wide": (60, 110), "tall": (130, 70)}


def eomt(seed: int = 34) -> nn.Module:
    """EoMT of three layers."""
    config = EomtConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, image_size=SIDE, patch_size=8,
        num_upscale_blocks=1, num_blocks=1, num_queries=8, num_register_tokens=1, id2label=NAMES,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = EomtForUniversalSegmentation(config).eval()
    model.attn_mask_probs.zero_()  # as training ends
    return _sharpened(model, 40, 8)


def mask2former(seed: int = 0) -> nn.Module:
    """Mask2Former on the smallest Swin."""
    config = Mask2FormerConfig(
        backbone_config=_swin(), feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=32,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=32, num_queries=24, id2label=NAMES,
    )  # fmt: skip
    torch.manual_seed(seed)
    return _sharpened(Mask2FormerForUniversalSegmentation(config).eval(), 40, 30)


def oneformer(seed: int = 21) -> nn.Module:
    """OneFormer on the smallest Swin; with CLIP's vocabulary cut to what the task is told in."""
    config = OneFormerConfig(
        backbone_config=_swin(), num_queries=8, hidden_dim=32, mask_dim=32, conv_dim=32, encoder_feedforward_dim=32,
        encoder_layers=1, decoder_layers=3, num_attention_heads=2, dim_feedforward=32, task_seq_len=77,
        text_encoder_width=32, text_encoder_context_length=77, text_encoder_num_layers=1, text_encoder_vocab_size=64,
        id2label=NAMES, use_task_norm=True, is_training=False, common_stride=4, query_dec_layers=1,
    )  # fmt: skip
    torch.manual_seed(seed)
    return _sharpened(OneFormerForUniversalSegmentation(config).eval(), 150, 30)


UNIVERSAL = {"eomt": eomt, "mask2former": mask2former, "oneformer": oneformer}


def picture(name: str) -> Image:
    """A picture of blobs, the same every time."""
    height, width = PICTURES[name]
    small = np.random.default_rng(5).integers(0, 256, (9, 9, 3), np.uint8)
    return Image(np.ascontiguousarray(np.kron(small, np.ones((20, 20, 1), np.uint8))[:height, :width]), name)


def expected(family: str, answers: Any, size: tuple[int, int]) -> dict[str, Any]:
    """What transformers' image processor makes of (class logits, mask logits), both of numpy and without a batch."""
    names, masks = (torch.from_numpy(array)[None] for array in answers)
    given = types.SimpleNamespace(class_queries_logits=names, masks_queries_logits=masks, patch_offsets=None)
    processor, options = _processor(family)
    semantic = processor.post_process_semantic_segmentation(given, target_sizes=[size], **options)[0]
    panoptic = processor.post_process_panoptic_segmentation(given, target_sizes=[size], **options, **_unmerged(family))[
        0
    ]
    kept = panoptic["segments_info"]
    return {
        "semantic": semantic.numpy(),
        "panoptic": np.stack([(panoptic["segmentation"] == one["id"]).numpy() for one in kept])
        if kept
        else np.zeros((0, *size), np.bool_),
        "names": np.array([one["label_id"] for one in kept]),
        "scores": np.array([one["score"] for one in kept]),
    }


def _unmerged(family: str) -> dict[str, Any]:
    """Nothing is stuff: merging is asked apart, for transformers gives a number twice after it has merged."""
    return {"stuff_classes": []} if family == "eomt" else {"label_ids_to_fuse": set()}


def _processor(family: str) -> tuple[Any, dict[str, Any]]:
    if family == "eomt":
        from transformers.models.eomt.image_processing_pil_eomt import EomtImageProcessorPil

        return EomtImageProcessorPil(), {"size": {"shortest_edge": SIDE, "longest_edge": SIDE}}
    if family == "mask2former":
        from transformers.models.mask2former import image_processing_pil_mask2former as room

        return room.Mask2FormerImageProcessorPil(), {}
    from transformers.models.oneformer import image_processing_pil_oneformer as room

    def resize(masks: torch.Tensor, size: Any, interpolation: Any) -> torch.Tensor:
        return nn.functional.interpolate(masks, size=tuple(size), mode="bilinear", align_corners=False)

    mode = types.SimpleNamespace(BILINEAR=None)  # torchvision, which is not here, resizes a larger picture in this way
    room.tvF = types.SimpleNamespace(resize=resize, InterpolationMode=mode)  # type: ignore[attr-defined]
    return object.__new__(room.OneFormerImageProcessorPil), {}


def _swin() -> SwinConfig:
    return SwinConfig(
        image_size=SIDE, patch_size=4, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip


def _sharpened(model: nn.Module, names: float, masks: float) -> nn.Module:
    """More certain of names and masks than random weights are."""
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Linear) and name.endswith(("class_predictor", "class_embed")):
                module.weight.mul_(names)
            if isinstance(module, nn.Linear) and name.endswith(
                ("mask_head.fc3", "mask_embedder.2.0", "mask_embed.layers.2.0")
            ):
                module.weight.mul_(masks)
    return model


def main() -> None:
    """Write the fixtures."""
    for family, build in UNIVERSAL.items():
        home = FIXTURES / f"universal-{family}"
        shutil.rmtree(home, ignore_errors=True)
        with tempfile.TemporaryDirectory() as folder:
            print(family, export_universal(from_transformers(build(), SIDE), Path(folder)))
            shutil.copytree(folder, home)
        graph = onnx.load(home / "network.onnx")
        _bare(graph.graph)
        onnx.save(graph, home / "network.onnx")
        engine, arrays = Engine(str(home)), {}
        for name in PICTURES:
            image = picture(name)
            seen = engine.embed(image).features
            told = expected(family, (seen.names, seen.masks), (image.size.height, image.size.width))
            print(
                name,
                told["names"],
                told["scores"],
                [int(one.sum()) for one in told["panoptic"]],
                np.unique(told["semantic"]),
            )
            arrays |= {f"{name}-{key}": value for key, value in told.items()}
            arrays |= {f"{name}-class_logits": seen.names, f"{name}-mask_logits": seen.masks}
        np.savez_compressed(home / "reference.npz", **arrays)


def _bare(graph: Any) -> None:
    """Without notes on where each node came from, which are larger than the weights."""
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*graph.value_info, *graph.input, *graph.output):
        del value.metadata_props[:]
    del graph.value_info[:]


if __name__ == "__main__":
    main()
