# pyright: basic, reportMissingImports=false
"""Grounding DINO, MM-Grounding-DINO, LLMDet and OWLv2 in transformers' form → one part: pixels and words → boxes."""

from pathlib import Path

from torch import Tensor, nn

from rubylith.domain.errors import UnknownName
from rubylith.engine.export.parts import Part
from rubylith.engine.folders import DETECTORS, GRAPH

OUTPUTS = ("logits", "pred_boxes")


class Captioned(nn.Module):
    """Grounding DINO without what only training needs."""

    INPUTS = ("pixel_values", "input_ids", "token_type_ids", "attention_mask", "pixel_mask")

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        pixel_values: Tensor,
        input_ids: Tensor,
        token_type_ids: Tensor,
        attention_mask: Tensor,
        pixel_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """(1, 3, h, w), three times (1, T), (1, h, w) → logits (1, Q, >= T), boxes (1, Q, 4)."""
        answer = self.model(
            pixel_values=pixel_values,
            input_ids=input_ids,
            token_type_ids=token_type_ids,
            attention_mask=attention_mask,
            pixel_mask=pixel_mask,
        )
        return answer.logits, answer.pred_boxes


class Queried(nn.Module):
    """OWLv2 without what only training needs."""

    INPUTS = ("input_ids", "pixel_values", "attention_mask")

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 16), (1, 3, side, side), (N, 16) → logits (1, patches, N), boxes (1, patches, 4)."""
        answer = self.model(input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask)
        return answer.logits, answer.pred_boxes


PARTS = {"grounding_dino": Captioned, "owlv2": Queried}  # by family


def load_detector(folder: Path) -> Part:
    """The model in a folder that transformers wrote."""
    from transformers import AutoModelForZeroShotObjectDetection  # noqa: PLC0415

    return from_transformers(AutoModelForZeroShotObjectDetection.from_pretrained(str(folder)))


def from_transformers(model: nn.Module) -> Part:
    """A model of transformers' classes, ready to be run; UnknownName for other kinds."""
    kind = model.config.model_type
    if kind not in DETECTORS:
        raise UnknownName.among("kind of detector", kind, tuple(DETECTORS))
    part = PARTS[DETECTORS[kind]]
    return Part(GRAPH, part(model.eval()).eval(), part.INPUTS, OUTPUTS)
