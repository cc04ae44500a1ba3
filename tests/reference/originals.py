"""Networks built of the original projects' own classes, with random weights: what their checkpoints are held to.

The projects are not part of this repository. Their packages (segment_anything, segment_anything_hq, mobile_sam, sam2)
are used where Python finds them; the builders raise ModuleNotFoundError where it does not.
"""

import importlib
import importlib.util
import sys
import types
from functools import partial
from typing import Any

import torch
from tests.reference.tiny import shaken
from torch import nn

HEADS = 8  # of the decoder: the shapes in a checkpoint do not tell, all published ones have as many


def original(module: str, *packages: str) -> Any:
    """A module of a project without running its packages' own start, which wants all of torchvision or hydra."""
    for package in packages:
        if package not in sys.modules:
            spec = importlib.util.find_spec(package)
            if spec is None or spec.submodule_search_locations is None:
                raise ModuleNotFoundError(package)
            bare = types.ModuleType(package)
            bare.__path__ = list(spec.submodule_search_locations)
            sys.modules[package] = bare
    return importlib.import_module(module)


def sam() -> nn.Module:
    """segment-anything's own, 64 x 64 pixels."""
    parts = original("segment_anything.modeling", "segment_anything")
    return shaken(parts.Sam(_vit(parts), _prompts(parts), _decoder(parts.MaskDecoder, parts.TwoWayTransformer)))


def sam_hq() -> nn.Module:
    """SAM-HQ's own, 64 x 64 pixels."""
    package = "segment_anything_hq"
    inner = f"{package}.modeling"
    names = {"image_encoder": "ImageEncoderViT", "prompt_encoder": "PromptEncoder", "transformer": "TwoWayTransformer"}
    parts = types.SimpleNamespace(
        **{one: getattr(original(f"{inner}.{file}", package, inner), one) for file, one in names.items()}
    )
    decoder = original(f"{inner}.mask_decoder_hq", package, inner).MaskDecoderHQ
    whole = original(f"{inner}.sam", package, inner).Sam
    return shaken(whole(_vit(parts), _prompts(parts), _decoder(decoder, parts.TwoWayTransformer, vit_dim=32)))


def mobile_sam() -> nn.Module:
    """MobileSAM's own, at its one size, with the four functions of timm that it uses."""
    layers = types.ModuleType("timm.models.layers")
    for file, name in (("drop", "DropPath"), ("helpers", "to_2tuple"), ("weight_init", "trunc_normal_")):
        setattr(layers, name, getattr(original(f"timm.layers.{file}", "timm", "timm.layers"), name))
    sys.modules[layers.__name__] = layers
    sys.modules["timm.models.registry"] = original("timm.models._registry", "timm", "timm.models")
    return shaken(original("mobile_sam.build_sam", "mobile_sam").build_sam_vit_t())


def sam2() -> nn.Module:
    """SAM 2's own with its smallest encoder."""
    encoder = original("sam2.modeling.backbones.image_encoder", "sam2")
    trunk = original("sam2.modeling.backbones.hieradet", "sam2").Hiera(
        embed_dim=96, num_heads=1, stages=(1, 2, 7, 2), global_att_blocks=(5, 7, 9)
    )
    position = original("sam2.modeling.position_encoding", "sam2").PositionEmbeddingSine(256)
    neck = encoder.FpnNeck(position, 256, [768, 384, 192, 96], fpn_top_down_levels=[2, 3], fpn_interp_model="nearest")
    base = original("sam2.modeling.sam2_base", "sam2")
    return shaken(
        base.SAM2Base(
            encoder.ImageEncoder(trunk, neck, scalp=1),
            nn.Identity(),
            nn.Identity(),
            image_size=1024,
            directly_add_no_mem_embed=True,
            use_high_res_features_in_sam=True,
            multimask_output_in_sam=True,
            iou_prediction_use_sigmoid=True,
            pred_obj_scores=True,
            pred_obj_scores_mlp=True,
            sam_mask_decoder_extra_args={"dynamic_multimask_via_stability": False},
        )
    )


def answers(model: nn.Module, pixels: torch.Tensor, points: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the project says of lone clicks (P, 2) in pixels of the square: logits (P, 3, low, low), iou (P, 3)."""
    if hasattr(model, "sam_mask_decoder"):
        return _sam2_answers(model, pixels, points)
    seen = model.image_encoder(pixels)
    embeddings, extra = (seen[0], {"interm_embeddings": seen[1]}) if isinstance(seen, tuple) else (seen, {})
    ones = torch.ones(len(points), 1, dtype=torch.int64)
    sparse, dense = model.prompt_encoder(points=(points[:, None], ones), boxes=None, masks=None)
    logits, iou = model.mask_decoder.predict_masks(
        image_embeddings=embeddings,
        image_pe=model.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        **({"hq_features": _hq_features(model.mask_decoder, embeddings, extra)} if extra else {}),
    )
    return {"logits": logits[:, 1:4] + (logits[:, 4:] if extra else 0), "iou": iou[:, 1:4]}


def _hq_features(decoder: Any, embeddings: torch.Tensor, extra: dict[str, Any]) -> torch.Tensor:
    early = extra["interm_embeddings"][0].permute(0, 3, 1, 2)
    return decoder.embedding_encoder(embeddings) + decoder.compress_vit_feat(early)


def _sam2_answers(model: Any, pixels: torch.Tensor, points: torch.Tensor) -> dict[str, torch.Tensor]:
    levels = model.forward_image(pixels)["backbone_fpn"]
    ones = torch.ones(len(points), 1, dtype=torch.int64)
    sparse, dense = model.sam_prompt_encoder(points=(points[:, None], ones), boxes=None, masks=None)
    logits, iou, *_ = model.sam_mask_decoder.predict_masks(
        image_embeddings=levels[2] + model.no_mem_embed.view(1, -1, 1, 1),
        image_pe=model.sam_prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        repeat_image=True,
        high_res_features=levels[:2],
    )
    return {"logits": logits[:, 1:], "iou": iou[:, 1:]}


def _vit(parts: Any) -> nn.Module:
    return parts.ImageEncoderViT(
        depth=2,
        embed_dim=32,
        img_size=64,
        mlp_ratio=2,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        num_heads=4,
        patch_size=8,
        use_rel_pos=True,
        global_attn_indexes=[1],
        window_size=3,
        out_chans=32,
    )


def _prompts(parts: Any) -> nn.Module:
    return parts.PromptEncoder(embed_dim=32, image_embedding_size=(8, 8), input_image_size=(64, 64), mask_in_chans=16)


def _decoder(decoder: Any, transformer: Any, **extra: int) -> nn.Module:
    return decoder(
        transformer=transformer(depth=2, embedding_dim=32, mlp_dim=64, num_heads=HEADS),
        transformer_dim=32,
        iou_head_hidden_dim=32,
        **extra,
    )
