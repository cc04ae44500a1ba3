# pyright: basic, reportMissingImports=false
"""Weights in any form → a `Source`: transformers' folders and hub ids."""

import textwrap
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor, nn

from rubylith.domain.errors import ModelFailed, UnknownName
from rubylith.engine.export.parts import Source
from rubylith.engine.export.quiet import hide_bars


class PlainEncoder(nn.Module):
    """SAM's: one embedding."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.encoder = model.vision_encoder

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, side, side) → image_embeddings (1, C, h, w)."""
        return (self.encoder(pixel_values)[0],)


class FineEncoder(nn.Module):
    """SAM-HQ's: the embedding, and what it and an early layer say about edges, brought to the masks' size."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, side, side) → hq (1, c, 4h, 4w), image_embeddings (1, C, h, w)."""
        decoder = self.model.mask_decoder
        seen = self.model.vision_encoder(pixel_values, return_dict=True)
        late, early = seen.last_hidden_state, seen.intermediate_embeddings[0].permute(0, 3, 1, 2)
        late_edges = decoder.encoder_conv2(decoder.activation(decoder.encoder_norm(decoder.encoder_conv1(late))))
        compressed = decoder.activation(decoder.compress_vit_norm(decoder.compress_vit_conv1(early)))
        return late_edges + decoder.compress_vit_conv2(compressed), late


class PyramidEncoder(nn.Module):
    """SAM 2's: two finer levels, already brought to the decoder's channels, and the embedding."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        _fix_positions(model)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, side, side) → fine (1, c, 4h, 4w), middle (1, 2c, 2h, 2w), image_embeddings (1, C, h, w)."""
        decoder = self.model.mask_decoder
        fine, middle, coarse, *_ = self.model.vision_encoder(pixel_values, return_dict=True).fpn_hidden_states
        return decoder.conv_s0(fine), decoder.conv_s1(middle), coarse + self.model.no_memory_embedding.view(1, -1, 1, 1)


def _fix_positions(model: nn.Module) -> None:
    """Hiera's positions for the one size it sees, made here and not by every runtime that opens the graph.

    OpenVINO takes nearly two minutes to stretch them to 256 x 256.
    """
    backbone = model.vision_encoder.backbone
    if not hasattr(backbone, "_get_pos_embed"):
        return
    side = int(model.prompt_encoder.input_image_size)
    sides = tuple(side // stride for stride in backbone.config.patch_stride)
    backbone.register_buffer("fixed_positions", backbone._get_pos_embed(sides).detach(), persistent=False)
    backbone._get_pos_embed = lambda _: backbone.fixed_positions


def from_transformers(model: nn.Module) -> Source:
    """A model of transformers' SAM, SAM-HQ, SAM 2 or EdgeTAM classes, ready to be exported."""
    kind = model.config.model_type
    if kind == "sam":
        return Source("sam", model, PlainEncoder(model), ("image_embeddings",))
    if kind == "sam_hq":
        return Source("sam_hq", model, FineEncoder(model), ("hq", "image_embeddings"))
    if kind in ("sam2", "sam2_video", "edgetam"):
        return Source("sam2", model, PyramidEncoder(model), ("fine", "middle", "image_embeddings"))
    raise UnknownName.among("kind of model", kind, ("sam", "sam_hq", "sam2", "edgetam"))


def load_transformers(where: str | Path) -> Source:
    """The model in a folder that transformers wrote, or under a hub id; ModelFailed if there is none."""
    from transformers import AutoModelForMaskGeneration  # noqa: PLC0415

    with reading(where):
        model = AutoModelForMaskGeneration.from_pretrained(str(where)).eval()
    return from_transformers(model)


@contextmanager
def reading(where: str | Path) -> Generator[None]:
    """Around transformers' reading of a folder, which fails in many ways: ModelFailed in one line."""
    hide_bars()
    try:
        yield
    except Exception as failure:
        raise ModelFailed(
            f"{where} holds no model that transformers can read: {first_line(failure)}",
            "Give a folder with config.json and the weights that transformers wrote, whole",
        ) from failure


def first_line(failure: Exception) -> str:
    """What went wrong, for one line."""
    lines = str(failure).strip().splitlines()
    return textwrap.shorten(lines[0], 200, placeholder=" …").rstrip(".:") if lines else type(failure).__name__
