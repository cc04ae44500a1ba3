"""Tiny networks with random weights, and what transformers says with them: the reference for every other path.

    python -m tests.reference.tiny tests/fixtures

writes the graphs and the reference outputs that tests without torch are held to.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tests.engine.prompts import CASES, Case, picture
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
    SamConfig,
    SamHQConfig,
    SamHQModel,
    SamModel,
)

from rubylith.engine.export.sources import from_transformers
from rubylith.engine.export.write import export

DECODER = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 4, "iou_head_hidden_dim": 32}


VISION = {
    "hidden_size": 32,
    "output_channels": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 64,
    "patch_size": 8,
    "window_size": 3,
    "global_attn_indexes": [1],
    "num_pos_feats": 16,
    "mlp_dim": 64,
}
PROMPT = {"hidden_size": 32, "image_size": 64, "patch_size": 8}


def tiny_sam() -> SamModel:
    """64 x 64 pixels, 8 x 8 cells; windows that do not divide the grid, so that they are padded."""
    return shaken(SamModel(SamConfig(vision_config=VISION, prompt_encoder_config=PROMPT, mask_decoder_config=DECODER)))


def tiny_sam_hq() -> SamHQModel:
    """As `tiny_sam`, with the finer masks."""
    decoder = {**DECODER, "vit_dim": 32}
    configuration = SamHQConfig(vision_config=VISION, prompt_encoder_config=PROMPT, mask_decoder_config=decoder)
    return mended(shaken(SamHQModel(configuration)))


def mended(model: SamHQModel) -> SamHQModel:
    """The model as SysCV/sam-hq has it.

    The mask decoder of transformers 5.23 upscales the picture as it came in, mirrored at its diagonal, where the
    original upscales what the transformer made of it. So here the transformer writes its result over what came in.
    """

    def overwrite(module: torch.nn.Module, arguments: tuple[()], given: dict[str, Any], result: Any) -> None:
        picture = given["image_embeddings"]  # (P, C, h, w)
        told = result[1].flatten(0, 1).transpose(1, 2).reshape(picture.shape)
        picture.copy_(told.transpose(2, 3))

    model.mask_decoder.transformer.register_forward_hook(overwrite, with_kwargs=True)
    return model


def tiny_sam2() -> Sam2Model:
    """128 x 128 pixels, 8 x 8 cells, all four stages."""
    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[128, 128],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 4],
        window_size_per_stage=[4, 4, 4, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=32,
    )
    prompt = Sam2PromptEncoderConfig(hidden_size=32, image_size=128, patch_size=16)
    decoder = Sam2MaskDecoderConfig(**DECODER)
    model = shaken(
        Sam2Model(Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder))
    )
    with torch.no_grad():  # the two are one in every checkpoint
        shared = model.shared_image_embedding.positional_embedding.normal_(generator=torch.Generator().manual_seed(0))
        model.prompt_encoder.shared_embedding.positional_embedding.copy_(shared)
    return model


def shaken(model: Any) -> Any:
    """Random weights large enough that every part of the network matters; the library's own start hides most."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                weight.normal_(0, max(1, weight[0].numel()) ** -0.5, generator=generator)
            elif "norm" not in name:
                weight.normal_(0, 0.2, generator=generator)
            if name.endswith("iou_prediction_head.proj_out.bias"):
                weight.add_(0.5)  # so that masks pass the thresholds of segment everything
    return model.eval()


TINY = {"sam": tiny_sam, "sam_hq": tiny_sam_hq, "sam2": tiny_sam2}


def reference(model: Any, family: str, pixels: np.ndarray, cases: dict[str, Case]) -> dict[str, np.ndarray]:
    """What transformers says of a picture (H, W, 3) for each case: logits, scores and masks at the picture's size."""
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    side = model.prompt_encoder.input_image_size
    low = 4 * model.prompt_encoder.image_embedding_size[0]
    image = Image.fromarray(pixels)
    if family != "sam2":
        processor = SamImageProcessorPil(size={"longest_edge": side}, pad_size={"height": side, "width": side})
        inputs = processor(image, return_tensors="pt")
        seen, used = inputs["pixel_values"], tuple(inputs["reshaped_input_sizes"][0].tolist())
    else:
        resized = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        seen = torch.from_numpy(((resized - mean) / std).transpose(2, 0, 1)[None].astype(np.float32))
        used = (side, side)
    scale = torch.tensor([used[1] / image.width, used[0] / image.height])
    results: dict[str, np.ndarray] = {"pixels": seen.numpy()}
    mask = torch.randn(1, 1, low, low, generator=torch.Generator().manual_seed(3)) * 4
    results["previous"] = mask[0, 0].numpy()
    for name, case in cases.items():
        given: dict[str, Any] = {}
        if case.points:
            given["input_points"] = torch.tensor(case.points, dtype=torch.float32)[None] * scale
            given["input_labels"] = torch.tensor(case.labels)[None]
        if case.boxes:
            given["input_boxes"] = torch.tensor(case.boxes, dtype=torch.float32)[None] * scale.repeat(2)
        with torch.no_grad():
            out = model(
                pixel_values=seen,
                **given,
                input_masks=mask if case.corrects else None,
                multimask_output=case.is_ambiguous,
            )
        results[f"{name}.logits"] = out.pred_masks[0].numpy()
        results[f"{name}.iou"] = out.iou_scores[0].numpy()
        results[f"{name}.masks"] = np.packbits(
            enlarged(out.pred_masks, family, side, used, pixels.shape[:2]).numpy() > 0, axis=-1
        )
    return results


def enlarged(
    logits: torch.Tensor, family: str, side: int, used: tuple[int, int], size: tuple[int, int]
) -> torch.Tensor:
    """The reference projects' way from logits (1, P, K, low, low) to the picture's size (P, K, H, W)."""
    logits = logits[0]
    if family != "sam2":
        logits = torch.nn.functional.interpolate(logits, (side, side), mode="bilinear")[..., : used[0], : used[1]]
    return torch.nn.functional.interpolate(logits, size, mode="bilinear", align_corners=False)


def main() -> None:
    """Write all fixtures into the folder named first."""
    for family in sys.argv[2:] or TINY:
        model, folder = TINY[family](), Path(sys.argv[1]) / f"tiny-{family}"
        print(family, export(from_transformers(model), folder, say=print))
        np.savez_compressed(folder / "reference.npz", **reference(model, family, picture(), CASES))


if __name__ == "__main__":
    main()
