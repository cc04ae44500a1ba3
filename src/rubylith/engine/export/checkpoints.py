# pyright: basic, reportMissingImports=false
"""The original projects' checkpoints → a `Source`: sam_vit_*.pth, mobile_sam.pt, sam_hq_vit_*.pth, sam2*_hiera_*.pt.

What a file is shows in its keys, and the network's size in the shapes. Every key must find its place and every place
its key, but for what only video needs. Sources: the projects' modules for the names on the left, transformers'
for those on the right.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rubylith.domain.errors import ModelFailed, NotAccessible, UnknownName
from rubylith.engine.export.parts import Source
from rubylith.engine.export.sources import first_line, from_transformers
from rubylith.engine.export.tinyvit import TinyViT

GIVE = "Give the original project's file"
Weights = dict[str, Tensor]
Rules = tuple[tuple[str, str], ...]

PROMPTS: Rules = (
    (r"prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix", "shared_image_embedding.positional_embedding"),
    (r"prompt_encoder\.point_embeddings\.", "prompt_encoder.point_embed."),
    (r"prompt_encoder\.mask_downscaling\.0\.", "prompt_encoder.mask_embed.conv1."),
    (r"prompt_encoder\.mask_downscaling\.1\.", "prompt_encoder.mask_embed.layer_norm1."),
    (r"prompt_encoder\.mask_downscaling\.3\.", "prompt_encoder.mask_embed.conv2."),
    (r"prompt_encoder\.mask_downscaling\.4\.", "prompt_encoder.mask_embed.layer_norm2."),
    (r"prompt_encoder\.mask_downscaling\.6\.", "prompt_encoder.mask_embed.conv3."),
    (r"mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
    (r"mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
    (r"mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
    (r"(mask_decoder\.transformer\..*)\bnorm", r"\1layer_norm"),
    (r"(mlps\.\d|iou_prediction_head|pred_obj_score_head)\.layers\.0\.", r"\1.proj_in."),
    (r"(mlps\.\d|iou_prediction_head|pred_obj_score_head)\.layers\.1\.", r"\1.layers.0."),
    (r"(mlps\.\d|iou_prediction_head|pred_obj_score_head)\.layers\.2\.", r"\1.proj_out."),
)
SAM: Rules = (
    (r"^image_encoder\.patch_embed\.proj\.", "vision_encoder.patch_embed.projection."),
    (r"^image_encoder\.blocks\.(\d+)\.norm", r"vision_encoder.layers.\1.layer_norm"),
    (r"^image_encoder\.blocks\.", "vision_encoder.layers."),
    (r"^image_encoder\.neck\.0\.", "vision_encoder.neck.conv1."),
    (r"^image_encoder\.neck\.1\.", "vision_encoder.neck.layer_norm1."),
    (r"^image_encoder\.neck\.2\.", "vision_encoder.neck.conv2."),
    (r"^image_encoder\.neck\.3\.", "vision_encoder.neck.layer_norm2."),
    (r"^image_encoder\.", "vision_encoder."),
    *PROMPTS,
)
SAM_HQ: Rules = (
    (r"^mask_decoder\.hf_token\.", "mask_decoder.hq_token."),
    (r"^mask_decoder\.hf_mlp\.layers\.0\.", "mask_decoder.hq_mask_mlp.proj_in."),
    (r"^mask_decoder\.hf_mlp\.layers\.1\.", "mask_decoder.hq_mask_mlp.layers.0."),
    (r"^mask_decoder\.hf_mlp\.layers\.2\.", "mask_decoder.hq_mask_mlp.proj_out."),
    (r"^mask_decoder\.compress_vit_feat\.0\.", "mask_decoder.compress_vit_conv1."),
    (r"^mask_decoder\.compress_vit_feat\.1\.", "mask_decoder.compress_vit_norm."),
    (r"^mask_decoder\.compress_vit_feat\.3\.", "mask_decoder.compress_vit_conv2."),
    (r"^mask_decoder\.embedding_encoder\.0\.", "mask_decoder.encoder_conv1."),
    (r"^mask_decoder\.embedding_encoder\.1\.", "mask_decoder.encoder_norm."),
    (r"^mask_decoder\.embedding_encoder\.3\.", "mask_decoder.encoder_conv2."),
    (r"^mask_decoder\.embedding_maskfeature\.0\.", "mask_decoder.mask_conv1."),
    (r"^mask_decoder\.embedding_maskfeature\.1\.", "mask_decoder.mask_norm."),
    (r"^mask_decoder\.embedding_maskfeature\.3\.", "mask_decoder.mask_conv2."),
    *SAM,
)
SAM2: Rules = (
    (r"^image_encoder\.trunk\.patch_embed\.proj\.", "vision_encoder.backbone.patch_embed.projection."),
    (r"^image_encoder\.trunk\.blocks\.(\d+)\.norm", r"vision_encoder.backbone.blocks.\1.layer_norm"),
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"vision_encoder.neck.convs.\1."),
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"\.mlp\.layers\.0\.", ".mlp.proj_in."),
    (r"\.mlp\.layers\.1\.", ".mlp.proj_out."),
    (r"(attn|attn_token_to_image|attn_image_to_token)\.out_proj\.", r"\1.o_proj."),
    (r"^no_mem_embed$", "no_memory_embedding"),
    *PROMPTS,
)
VIDEO = re.compile(
    r"^(memory_attention|memory_encoder|obj_ptr_proj|obj_ptr_tpos_proj|mask_downsample)\.|"
    r"^(maskmem_tpos_enc|no_mem_pos_enc|no_obj_ptr|no_obj_embed_spatial)$"
)
HIERA: dict[tuple[int, int], dict[str, Any]] = {  # by width and depth; sam2/configs
    (96, 12): {"blocks": (1, 2, 7, 2), "heads": 1, "global": (5, 7, 9), "windows": (8, 4, 14, 7)},
    (96, 16): {"blocks": (1, 2, 11, 2), "heads": 1, "global": (7, 10, 13), "windows": (8, 4, 14, 7)},
    (112, 24): {"blocks": (2, 3, 16, 3), "heads": 2, "global": (12, 16, 20), "windows": (8, 4, 14, 7)},
    (144, 48): {"blocks": (2, 6, 36, 4), "heads": 2, "global": (23, 33, 43), "windows": (8, 4, 16, 8)},
}


def load_checkpoint(path: Path) -> Source:
    """The model in an original project's file.

    UnknownName if it is none of them, ModelFailed if it is no checkpoint at all, or keys or shapes do not fit,
    NotAccessible if it may not be read.
    """
    weights = _read(path)
    with _fitting():
        if "image_encoder.trunk.pos_embed" in weights:
            return from_transformers(fill(_sam2(weights), _rename(weights, SAM2)))
        if "image_encoder.patch_embed.seq.0.c.weight" in weights:
            return _mobile_sam(weights)
        if "image_encoder.pos_embed" in weights:
            is_hq = "mask_decoder.hf_token.weight" in weights
            return from_transformers(fill(_sam(weights, is_hq=is_hq), _rename(weights, SAM_HQ if is_hq else SAM)))
    raise UnknownName.among("kind of checkpoint", path.name, ("SAM", "SAM-HQ", "MobileSAM", "SAM 2"))


def _read(path: Path) -> Weights:
    """All arrays of a checkpoint by name; {} if it holds something else."""
    try:
        whole: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as failure:
        raise NotAccessible(
            f"{path} cannot be read: {failure.strerror or failure}", "Mend its permissions"
        ) from failure
    except Exception as failure:  # what is no checkpoint fails in as many ways as there are bytes
        raise ModelFailed(f"{path} is no checkpoint: {first_line(failure)}", GIVE) from failure
    if isinstance(whole, dict) and isinstance(whole.get("model"), dict):
        whole = whole["model"]  # SAM 2 wraps its own
    return {name: array for name, array in whole.items() if torch.is_tensor(array)} if isinstance(whole, dict) else {}


@contextmanager
def _fitting() -> Generator[None]:
    """Around what reads sizes off a checkpoint: ModelFailed where a key or a shape is not what the project writes."""
    try:
        yield
    except KeyError as missing:
        raise _misfit(f"{missing.args[0]} is missing") from missing
    except (ValueError, TypeError, IndexError, ArithmeticError, RuntimeError) as failure:
        raise _misfit(first_line(failure)) from failure


def _misfit(problem: str) -> ModelFailed:
    return ModelFailed(f"The checkpoint does not fit its architecture: {problem}", GIVE)


def fill(model: nn.Module, weights: Weights) -> nn.Module:
    """The model with these weights; ModelFailed names keys that are missing or left over."""
    wanted = model.state_dict()
    twin, shared = "prompt_encoder.shared_embedding.positional_embedding", "shared_image_embedding.positional_embedding"
    if twin in wanted and twin not in weights and shared in weights:
        weights = weights | {twin: weights[shared]}
    if problem := _problem(set(wanted), set(weights)):
        raise _misfit(problem)
    model.load_state_dict(weights)
    return model.eval()


def _problem(wanted: set[str], given: set[str]) -> str:
    missing, left = sorted(wanted - given), sorted(given - wanted)
    parts = [f"{len(missing)} keys are missing, such as {missing[0]}"] if missing else []
    return ", and ".join(parts + ([f"{len(left)} are left over, such as {left[0]}"] if left else []))


def _rename(weights: Weights, rules: Rules) -> Weights:
    renamed: Weights = {}
    for name, array in weights.items():
        if VIDEO.search(name):
            continue
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)  # noqa: PLW2901  rules apply one after the other
        renamed[name] = array
    points = [renamed.pop(f"prompt_encoder.point_embed.{i}.weight", None) for i in range(4)]
    if rules is SAM2 and all(point is not None for point in points):
        return renamed | {"prompt_encoder.point_embed.weight": torch.cat(points)}  # type: ignore[arg-type]
    return renamed | {f"prompt_encoder.point_embed.{i}.weight": p for i, p in enumerate(points) if p is not None}


def _sam(weights: Weights, *, is_hq: bool) -> nn.Module:
    from transformers import SamConfig, SamHQConfig, SamHQModel, SamModel  # noqa: PLC0415

    _, grid, _, width = weights["image_encoder.pos_embed"].shape
    patch = weights["image_encoder.patch_embed.proj.weight"].shape[-1]
    places = {i: weights[f"image_encoder.blocks.{i}.attn.rel_pos_h"].shape for i in range(_count(weights, "blocks"))}
    vision = {
        "hidden_size": width,
        "output_channels": weights["image_encoder.neck.0.weight"].shape[0],
        "num_hidden_layers": len(places),
        "num_attention_heads": width // places[0][1],
        "image_size": grid * patch,
        "patch_size": patch,
        "mlp_dim": weights["image_encoder.blocks.0.mlp.lin1.weight"].shape[0],
        "global_attn_indexes": [i for i, shape in places.items() if shape[0] == 2 * grid - 1],
        "window_size": min((shape[0] + 1) // 2 for shape in places.values()),
        "num_pos_feats": weights["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].shape[1],
    }
    parts = _decoder(weights, "", grid * patch, patch)
    if not is_hq:
        return SamModel(SamConfig(vision_config=vision, **parts))
    parts["mask_decoder_config"]["vit_dim"] = width
    return SamHQModel(SamHQConfig(vision_config=vision, **parts))


def _mobile_sam(weights: Weights) -> Source:
    """SAM's decoder after another encoder; the vision part of the model made here stays unused."""
    from transformers import SamConfig, SamModel  # noqa: PLC0415

    width = weights["prompt_encoder.no_mask_embed.weight"].shape[1]
    unused = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "global_attn_indexes": [0]}
    vision = {**unused, "output_channels": width, "num_pos_feats": width // 2}
    model = SamModel(SamConfig(vision_config=vision, **_decoder(weights, "", 1024, 16)))
    renamed = _rename({k: v for k, v in weights.items() if not k.startswith("image_encoder.")}, SAM)
    kept = {k: v for k, v in model.state_dict().items() if k.startswith("vision_encoder.")}
    fill(model, kept | renamed)
    prefix = "image_encoder."
    encoder = fill(TinyViT(), {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    return Source("sam", model, encoder, ("image_embeddings",))


def _sam2(weights: Weights) -> nn.Module:
    from transformers import Sam2Config, Sam2HieraDetConfig, Sam2Model, Sam2VisionConfig  # noqa: PLC0415

    width, depth = weights["image_encoder.trunk.pos_embed"].shape[1], _count(weights, "trunk.blocks")
    if (width, depth) not in HIERA:
        raise UnknownName.among("Hiera", f"{width} wide, {depth} deep", tuple(str(size) for size in HIERA))
    sizes = HIERA[width, depth]
    widths = [width * 2**stage for stage in range(4)]
    backbone = Sam2HieraDetConfig(
        hidden_size=width,
        num_attention_heads=sizes["heads"],
        blocks_per_stage=list(sizes["blocks"]),
        embed_dim_per_stage=widths,
        num_attention_heads_per_stage=[sizes["heads"] * 2**stage for stage in range(4)],
        window_size_per_stage=list(sizes["windows"]),
        global_attention_blocks=list(sizes["global"]),
        window_positional_embedding_background_size=list(weights["image_encoder.trunk.pos_embed"].shape[2:]),
    )
    vision = Sam2VisionConfig(backbone_config=backbone, backbone_channel_list=widths[::-1])
    return Sam2Model(Sam2Config(vision_config=vision, **_decoder(weights, "sam_", 1024, 16)))


def _decoder(weights: Weights, prefix: str, side: int, patch: int) -> dict[str, Any]:
    """Configurations of the prompt encoder and the mask decoder, from shapes."""
    first = "layers.0" if prefix else "lin1"
    wide = weights[f"{prefix}mask_decoder.transformer.layers.0.mlp.{first}.weight"]
    width = weights[f"{prefix}prompt_encoder.no_mask_embed.weight"].shape[1]
    return {
        "prompt_encoder_config": {"hidden_size": width, "image_size": side, "patch_size": patch},
        "mask_decoder_config": {
            "hidden_size": width,
            "mlp_dim": wide.shape[0],
            "iou_head_hidden_dim": weights[f"{prefix}mask_decoder.iou_prediction_head.layers.0.weight"].shape[0],
        },
    }


def _count(weights: Weights, part: str) -> int:
    pattern = re.compile(rf"image_encoder\.{re.escape(part)}\.(\d+)\.")
    return 1 + max((int(match[1]) for name in weights if (match := pattern.match(name))), default=-1)
