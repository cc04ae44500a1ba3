"""Mask decoders of the SAM families: prompts in pixels of the square → logits and predicted IoU.

Two layouts are read. Our own export has three graphs, so that what is the same for all prompts is made once and masks
nobody wants are not drawn. The pairs on the hub have one, take no mask and give three masks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import InvalidPrompt
from rubylith.domain.geometry import Size
from rubylith.engine.runtimes import Network

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Features = Mapping[str, FloatArray]

NO_POINT, TOP_LEFT, BOTTOM_RIGHT = -1, 2, 3  # labels beside SAM's 1 (on the object) and 0 (beside it)
SINGLE, MULTIPLE = slice(0, 1), slice(1, 4)  # the mask meant for clear prompts, and the three for a lone click


@dataclass(frozen=True, slots=True)
class Clicks:
    """Prompts of P objects that are alike in kind. Pixels of the square.

    points: (P, N, 2) float32. labels: (P, N) int64, 1 or 0. boxes: (P, 2, 2) float32 or None. mask: (low, low) logits
    to be corrected, only with P = 1, or None.
    """

    points: FloatArray
    labels: IntArray
    boxes: FloatArray | None = None
    mask: FloatArray | None = None

    @property
    def is_ambiguous(self) -> bool:
        """A lone click, which may mean a part, an object or a group."""
        return self.boxes is None and self.mask is None and self.points.shape[1] == 1


@dataclass(frozen=True, slots=True)
class Answers:
    """logits: (P, K, low, low) float32. iou: (P, K) float32 as the model says it, not confined to [0, 1].

    K is 3, or 4 where the first is the one for clear prompts.
    """

    logits: FloatArray
    iou: FloatArray


@dataclass(frozen=True, slots=True)
class Proposals:
    """M masks for single clicks whose predicted IoU is high enough.

    seeds: (M,) int64, the click of each. iou, stability: (M,) float32. boxes: (M, 4) int64 cells, half-open.
    logits: (M, low, low) float32.
    """

    seeds: IntArray
    iou: FloatArray
    stability: FloatArray
    boxes: IntArray
    logits: FloatArray


class Decoder(Protocol):
    """One layout of the mask decoder."""

    def begin(self, features: Features) -> Features:
        """The embeddings with all that is the same for every prompt of the picture."""
        ...

    def answer(self, features: Features, clicks: Clicks) -> Answers:
        """Masks for each of the prompts."""
        ...

    def propose(
        self, features: Features, points: FloatArray, *, iou_above: float, offset: float, valid: Size
    ) -> Proposals:
        """Masks for single clicks (P, 2) with a predicted IoU above `iou_above`.

        Stability at the given offset and boxes count only the first rows and columns, `valid` of the logits.
        """
        ...


class SplitDecoder:
    """Our own export: prepare, transformer, upscaler."""

    def __init__(
        self, prepare: Network, transformer: Network, upscaler: Network, *, mask_size: int, pads_boxes: bool
    ) -> None:
        """pads_boxes: whether the family adds an empty point also where a box is given.

        fine: the encoder's outputs that only the upscaler takes.
        """
        self._prepare, self._transformer, self._upscaler = prepare, transformer, upscaler
        self._mask_size = mask_size
        self._pads_boxes = pads_boxes
        self.fine = tuple(name for name in upscaler.inputs if name not in {"told", "hyper", "valid", "offset"})

    def begin(self, features: Features) -> Features:
        """The embeddings with what layer 0 makes of the picture alone."""
        return {**features, **self._prepared(features, None)}

    def answer(self, features: Features, clicks: Clicks) -> Answers:
        """Four masks for each of the prompts."""
        prepared = features if clicks.mask is None else self._prepared(features, clicks.mask)
        prospects = self._judge(prepared, *sparse_tokens(clicks, pads_boxes=self._pads_boxes))
        drawn = self._draw(features, prospects["told"], prospects["hyper"], 1.0, Size(self._mask_size, self._mask_size))
        return Answers(drawn["logits"], prospects["iou"])

    def propose(
        self, features: Features, points: FloatArray, *, iou_above: float, offset: float, valid: Size
    ) -> Proposals:
        """Only masks of clicks that have at least one good enough are drawn."""
        clicks = Clicks(points[:, None], np.ones((len(points), 1), np.int64))
        prospects = self._judge(features, *sparse_tokens(clicks, pads_boxes=self._pads_boxes))
        good = prospects["iou"][:, MULTIPLE] > iou_above  # (P, 3)
        seeds = np.flatnonzero(good.any(1))
        if not seeds.size:
            return no_proposals(self._mask_size)
        told, hyper = prospects["told"][seeds], prospects["hyper"][seeds, MULTIPLE]
        drawn = self._draw(features, told, hyper, offset, valid)
        rows, masks = np.nonzero(good[seeds])
        return Proposals(
            seeds[rows],
            prospects["iou"][seeds, MULTIPLE][rows, masks],
            drawn["stability"][rows, masks],
            drawn["boxes"][rows, masks].astype(np.int64),
            drawn["logits"][rows, masks],
        )

    def _prepared(self, features: Features, mask: FloatArray | None) -> Features:
        given = np.zeros((self._mask_size, self._mask_size), np.float32) if mask is None else mask
        return self._prepare.run(
            {
                "image_embeddings": features["image_embeddings"],
                "mask": given[None, None],
                "has_mask": np.array([mask is not None], np.float32),
            }
        )

    def _judge(self, prepared: Features, points: FloatArray, labels: IntArray) -> dict[str, FloatArray]:
        arrays = {name: prepared[name] for name in ("picture", "keys0", "values0", "queries0")}
        return self._transformer.run({**arrays, "points": points, "labels": labels})

    def _draw(
        self, features: Features, told: FloatArray, hyper: FloatArray, offset: float, valid: Size
    ) -> dict[str, npt.NDArray[np.float32]]:
        limits = np.array([valid.height, valid.width], np.int64)
        fine = {name: features[name] for name in self.fine}
        arrays = {"told": told, "hyper": hyper, "valid": limits, "offset": np.array([offset], np.float32)}
        return self._upscaler.run({**arrays, **fine})


class PairDecoder:
    """The hub's `prompt_encoder_mask_decoder.onnx`: one graph, three masks, boxes in some, masks to correct in none."""

    def __init__(self, network: Network, model: str) -> None:
        self._network = network
        self._model = model
        known = {"input_points", "input_labels", "input_boxes"}
        self._features = tuple(name for name in network.inputs if name not in known)
        self._takes_boxes = "input_boxes" in network.inputs

    def begin(self, features: Features) -> Features:
        """The embeddings as they are."""
        return features

    def answer(self, features: Features, clicks: Clicks) -> Answers:
        """Three masks for each of the prompts; InvalidPrompt for what this export cannot take."""
        if clicks.mask is not None:
            raise self._missing("masks to correct", "Leave the previous mask out and send all clicks on the object")
        if clicks.boxes is not None and not self._takes_boxes:
            raise self._missing("boxes", "Click on the object")
        if clicks.boxes is None or len(clicks.points) == 1:
            return self._asked(features, clicks)
        alone = [self._asked(features, _one_of(clicks, index)) for index in range(len(clicks.points))]
        return Answers(np.concatenate([a.logits for a in alone]), np.concatenate([a.iou for a in alone]))

    def _asked(self, features: Features, clicks: Clicks) -> Answers:
        """The graph's answer. Of prompts with boxes it takes one at a time, for its boxes belong to no point."""
        arrays = {name: features[name] for name in self._features}
        arrays |= self._prompts(clicks)
        results = self._network.run(arrays)
        return Answers(results["pred_masks"][0], results["iou_scores"][0])

    def propose(
        self, features: Features, points: FloatArray, *, iou_above: float, offset: float, valid: Size
    ) -> Proposals:
        """All masks are drawn, there is no way to draw fewer."""
        answers = self.answer(features, Clicks(points[:, None], np.ones((len(points), 1), np.int64)))
        seeds, masks = np.nonzero(answers.iou > iou_above)
        logits = answers.logits[seeds, masks]
        stability, boxes = measure(logits, offset, valid)
        return Proposals(seeds.astype(np.int64), answers.iou[seeds, masks], stability, boxes, logits)

    def _prompts(self, clicks: Clicks) -> dict[str, npt.NDArray[np.generic]]:
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "input_points": clicks.points[None].astype(np.float32),
            "input_labels": clicks.labels[None].astype(np.int64),
        }
        if self._takes_boxes:
            boxes = np.zeros((0, 4), np.float32) if clicks.boxes is None else clicks.boxes.reshape(-1, 4)
            arrays["input_boxes"] = boxes[None]
        return arrays

    def _missing(self, what: str, advice: str) -> InvalidPrompt:
        return InvalidPrompt(
            f"The published graphs of {self._model!r} take no {what}",
            f"{advice}, or write graphs that do with `rubylith models export`",
        )


def _one_of(clicks: Clicks, index: int) -> Clicks:
    one = slice(index, index + 1)
    return Clicks(clicks.points[one], clicks.labels[one], None if clicks.boxes is None else clicks.boxes[one])


def sparse_tokens(clicks: Clicks, *, pads_boxes: bool) -> tuple[FloatArray, IntArray]:
    """Points (P, N, 2) and labels (P, N) with the box as two more and the empty point that both projects add.

    A mask alone has none of them, N = 0: segment-anything and sam2's image predictor give it no token at all.
    """
    points, labels = [clicks.points], [clicks.labels]
    count = len(clicks.points)
    if clicks.boxes is not None:
        points.append(clicks.boxes)
        labels.append(np.tile(np.array([TOP_LEFT, BOTTOM_RIGHT], np.int64), (count, 1)))
    is_mask_alone = clicks.boxes is None and not clicks.points.shape[1]
    if not is_mask_alone and (clicks.boxes is None or pads_boxes):
        points.append(np.zeros((count, 1, 2), np.float32))
        labels.append(np.full((count, 1), NO_POINT, np.int64))
    return np.concatenate(points, 1, dtype=np.float32), np.concatenate(labels, 1)


def measure(logits: FloatArray, offset: float, valid: Size) -> tuple[FloatArray, IntArray]:
    """Stability (M,) float32 and boxes (M, 4) int64 cells of logits (M, low, low), as the upscaler graph has them."""
    seen = logits[:, : valid.height, : valid.width]
    firm, loose = (np.count_nonzero(seen > cut, axis=(1, 2)) for cut in (offset, -offset))
    stability = (firm / np.maximum(loose, 1)).astype(np.float32)
    inside = seen > 0
    boxes = np.zeros((len(logits), 4), np.int64)
    for start, axis in enumerate((1, 2)):  # across, down
        hits = np.asarray(inside.any(axis=axis))
        boxes[:, start] = hits.argmax(1)
        boxes[:, start + 2] = hits.shape[1] - hits[:, ::-1].argmax(1)
    boxes[~inside.any(axis=(1, 2))] = 0
    return stability, boxes


def no_proposals(mask_size: int) -> Proposals:
    """None at all."""
    none = np.zeros(0, np.float32)
    empty = np.zeros((0, mask_size, mask_size), np.float32)
    return Proposals(np.zeros(0, np.int64), none, none, np.zeros((0, 4), np.int64), empty)
