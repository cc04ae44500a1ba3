# pyright: basic, reportMissingImports=false
"""Grounding DINO, MM-Grounding-DINO, LLMDet, OWLv2 and SAM 3 in transformers' form → one part each."""

from pathlib import Path

import torch
from torch import Tensor, nn

from rubylith.domain.errors import UnknownName
from rubylith.engine.export.parts import Part
from rubylith.engine.export.quiet import hide_bars
from rubylith.engine.folders import DETECTORS, GRAPH, read_detector_folder


class Captioned(nn.Module):
    """Grounding DINO without what only training needs."""

    INPUTS = ("pixel_values", "input_ids", "token_type_ids", "attention_mask", "pixel_mask")
    OUTPUTS = ("logits", "pred_boxes")

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
    OUTPUTS = ("logits", "pred_boxes")

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 16), (1, 3, side, side), (N, 16) → logits (1, patches, N), boxes (1, patches, 4)."""
        answer = self.model(input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask)
        return answer.logits, answer.pred_boxes


class Segmented(nn.Module):
    """SAM 3 for several phrases: the picture is looked at once, and of what is found only what counts is kept."""

    INPUTS = ("pixel_values", "input_ids", "attention_mask", "threshold")
    OUTPUTS = ("phrases", "scores", "boxes", "masks")

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, pixel_values: Tensor, input_ids: Tensor, attention_mask: Tensor, threshold: Tensor
    ) -> tuple[Tensor, ...]:
        """(1, 3, side, side), twice (N, 32), () → phrases (K,), scores (K,), boxes (K, 4) XYXY, masks (K, h, w)."""
        seen = self.model.get_vision_features(pixel_values=pixel_values)
        found: list[tuple[Tensor, ...]] = []
        for number in range(len(input_ids)):
            answer = self.model(
                vision_embeds=seen,
                input_ids=input_ids[number : number + 1],
                attention_mask=attention_mask[number : number + 1],
            )
            scores = (answer.pred_logits.sigmoid() * answer.presence_logits.sigmoid())[0]
            kept = scores > threshold
            phrases = torch.full((int(kept.sum()),), number, device=scores.device)
            found.append((phrases, scores[kept], answer.pred_boxes[0][kept], answer.pred_masks[0][kept].sigmoid()))
        return tuple(torch.cat(parts) for parts in zip(*found, strict=True))


PARTS = {"grounding_dino": Captioned, "owlv2": Queried, "sam3": Segmented}  # by family


def load_detector(folder: Path) -> Part:
    """The model in a folder that transformers wrote."""
    from transformers import AutoModelForZeroShotObjectDetection, Sam3Model  # noqa: PLC0415

    hide_bars()
    kind = Sam3Model if read_detector_folder(folder) == "sam3" else AutoModelForZeroShotObjectDetection
    return from_transformers(kind.from_pretrained(str(folder)))


def from_transformers(model: nn.Module) -> Part:
    """A model of transformers' classes, ready to be run; UnknownName for other kinds."""
    kind = model.config.model_type
    if kind not in DETECTORS:
        raise UnknownName.among("kind of detector", kind, tuple(DETECTORS))
    part = PARTS[DETECTORS[kind]]
    return Part(GRAPH, part(model.eval()).eval(), part.INPUTS, part.OUTPUTS)
