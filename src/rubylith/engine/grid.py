"""Segment everything with clicks on a regular grid, for every SAM family.

The steps and thresholds are those of segment-anything's automatic_mask_generator.py. What differs is the order of work:
masks are measured small, only those that survive are enlarged, each inside its box, and nothing is kept at full size.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rubylith.domain.errors import TooLarge
from rubylith.domain.geometry import Point
from rubylith.domain.mask import Logits, Mask
from rubylith.domain.prompt import Everything
from rubylith.domain.rle import RLE
from rubylith.engine import AreWhole, OutOfTime, Progress
from rubylith.engine.decoders import Decoder, Features, Proposals
from rubylith.engine.frames import Frame
from rubylith.engine.memory import affordable
from rubylith.engine.progress import between
from rubylith.engine.windows import anything

FloatArray = npt.NDArray[np.float32]

AT_ONCE = 8  # clicks per call of the decoder
COPIES = 2  # of a picture's embedding that the decoder holds for each click
HELD_BYTES = 256 << 20  # of candidates' logits, from which on those that others hide are dropped
MOST_BYTES = 1024 << 20  # of those that none hides
COVERING = 0.1  # share of the picture up to which a good mask spares the seeds inside it
BROAD = 3  # cells at the picture's edge: fewer may lie between two samples
SLACK = 0.05  # stability measured small may err by this much; the survivors are measured again at full size
FAR_BELOW = -1000.0  # the logit of cells that were not kept, too far away to be mixed into the mask
RINGS = 2  # of cells that are kept round a candidate
ENCODING_SHARE = 0.05  # of the progress, for drawing the survivors


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask that may be kept, small: the cells (x0, y0, x1, y1) where it is not far below zero, and their logits.

    Enlarging mixes up to three cells in a row, first to the square and then to the picture, so two rings of cells
    round those above -offset are kept.
    """

    point: Point
    iou: float
    cells: tuple[int, int, int, int]
    logits: npt.NDArray[np.float16]


def propose(
    decoder: Decoder,
    frame: Frame,
    features: Features,
    everything: Everything,
    *,
    progress: Progress,
    are_whole: AreWhole = anything,
) -> tuple[Mask, ...]:
    """Masks of all that the seeds fall on, best first; see Segmenter.propose.

    TooLarge if the masks that no other hides take more than MOST_BYTES, OutOfTime as there.
    """
    gathering = _Gathering(frame, everything, are_whole)
    seeds = seed_points(frame, everything.points_per_side)
    at_once = affordable(sum(array.nbytes for array in features.values()) * COPIES, AT_ONCE)
    started, asked, is_late = time.monotonic(), 0, False
    for part in _rounds(everything):
        left = gathering.uncovered(part, seeds) if everything.fast and asked else part
        for start in range(0, len(left), at_once):
            is_late = bool(asked) and _is_up(everything.max_seconds, started)
            if is_late:
                break
            batch = [seeds[index] for index in left[start : start + at_once]]
            gathering.add(batch, _asked(decoder, frame, features, everything, batch=batch))
            asked += len(batch)
            progress((1 - ENCODING_SHARE) * min(1.0, asked / len(seeds)))
    drawing = between(progress, 1 - ENCODING_SHARE, 1.0)
    masks = _survivors(gathering.candidates, gathering.boxes, frame, everything, progress=drawing)
    if is_late:
        raise OutOfTime(masks)
    return masks


def _is_up(seconds: float | None, started: float) -> bool:
    return seconds is not None and time.monotonic() - started >= seconds


def _asked(
    decoder: Decoder, frame: Frame, features: Features, everything: Everything, *, batch: Sequence[Point]
) -> Proposals:
    return decoder.propose(
        features,
        frame.points(tuple(batch)),
        iou_above=everything.pred_iou_thresh,
        offset=everything.stability_score_offset,
        valid=frame.valid,
    )


class _Gathering:
    """Candidates of all seeds so far. Beyond HELD_BYTES those that a better one hides go at once, then again whenever
    what was left has doubled.
    """

    def __init__(self, frame: Frame, everything: Everything, are_whole: AreWhole = anything) -> None:
        self.frame, self.everything, self.are_whole = frame, everything, are_whole
        self.candidates: list[Candidate] = []
        self.boxes: list[npt.NDArray[np.float64]] = []
        self._held, self._limit = 0, HELD_BYTES
        self._covered = np.zeros((frame.low, frame.low), np.bool_)

    def add(self, batch: Sequence[Point], proposals: Proposals) -> None:
        """Keep those that may be stable."""
        everything = self.everything
        good = (1 + everything.pred_iou_thresh) / 2
        for index in np.flatnonzero(proposals.stability >= everything.stability_score_thresh - SLACK):
            box = _pixel_box(self.frame, proposals.logits[index], proposals.boxes[index])
            if not self.are_whole(box[None])[0]:
                continue
            candidate = _candidate(proposals, int(index), batch, everything.stability_score_offset)
            self.candidates.append(candidate)
            self.boxes.append(box)
            self._held += candidate.logits.nbytes
            if everything.fast and candidate.iou >= good:
                self._cover(candidate)
        if self._held > self._limit:
            self._thin()

    def uncovered(self, indices: Sequence[int], seeds: Sequence[Point]) -> list[int]:
        """Seeds that lie in none of the good masks of modest size."""
        cells = self.frame.points(tuple(seeds[index] for index in indices)) * (self.frame.low / self.frame.side)
        columns, rows = np.minimum(cells.astype(np.intp), self.frame.low - 1).T
        return [index for index, hidden in zip(indices, self._covered[rows, columns], strict=True) if not hidden]

    def _cover(self, candidate: Candidate) -> None:
        x0, y0, x1, y1 = candidate.cells
        inside = candidate.logits > 0
        if np.count_nonzero(inside) <= COVERING * self.frame.valid.area:
            self._covered[y0:y1, x0:x1] |= inside

    def _thin(self) -> None:
        places, kept = np.array(self.boxes), list[int]()
        alive = np.ones(len(places), np.bool_)
        for index in _best_first(self.candidates):
            if alive[index]:
                kept.append(index)
                alive &= _overlap(places[index], places) <= self.everything.box_nms_thresh
        kept.sort()
        self.candidates = [self.candidates[index] for index in kept]
        self.boxes = [self.boxes[index] for index in kept]
        self._held = sum(candidate.logits.nbytes for candidate in self.candidates)
        if self._held > MOST_BYTES:
            raise TooLarge(
                f"So many masks are found that they take more than {MOST_BYTES >> 20} MB",
                "Raise pred_iou_thresh or stability_score_thresh, or lower box_nms_thresh or points_per_side",
            )
        self._limit = max(HELD_BYTES, 2 * self._held)


def _best_first(candidates: Sequence[Candidate]) -> list[int]:
    """Indices by predicted IoU; of equals the earlier comes first."""
    return sorted(range(len(candidates)), key=lambda index: -candidates[index].iou)


def _rounds(everything: Everything) -> list[list[int]]:
    """Numbers of the seeds in the order they are asked: row by row, or where time is short every other one first."""
    per_side = everything.points_per_side
    whole = list(range(per_side**2))
    if per_side == 1 or not (everything.fast or everything.max_seconds is not None):
        return [whole]
    coarse = [index for index in whole if index // per_side % 2 and index % per_side % 2]
    return [coarse, sorted(set(whole) - set(coarse))]


def seed_points(frame: Frame, per_side: int) -> tuple[Point, ...]:
    """Centres of a grid of `per_side` by `per_side` equal parts of the picture, row by row."""
    across, down = frame.picture.width / per_side, frame.picture.height / per_side
    return tuple(Point((x + 0.5) * across, (y + 0.5) * down) for y in range(per_side) for x in range(per_side))


def draw(frame: Frame, logits: FloatArray, iou: float, *, offset: float, keeps_logits: bool = False) -> Mask:
    """One mask at the picture's size from logits (low, low), enlarged only where it can be above -offset."""
    cells = _cells_above(logits, -offset)
    rle, stability = _cut(frame, logits, cells, offset)
    kept = Logits.of(logits) if keeps_logits else None
    return Mask(rle, rle.box, min(max(iou, 0.0), 1.0), stability, low_res_logits=kept)


def _candidate(proposals: Proposals, index: int, batch: Sequence[Point], offset: float) -> Candidate:
    logits = proposals.logits[index]
    x0, y0, x1, y1 = cells = _cells_above(logits, -offset, rings=RINGS)
    point = batch[int(proposals.seeds[index])]
    return Candidate(point, float(proposals.iou[index]), cells, logits[y0:y1, x0:x1].astype(np.float16))


def _survivors(
    candidates: list[Candidate],
    boxes: list[npt.NDArray[np.float64]],
    frame: Frame,
    everything: Everything,
    *,
    progress: Progress,
) -> tuple[Mask, ...]:
    """Non-maximum suppression, best first; a survivor is drawn at once, and must prove its stability at full size.

    progress: hears of every candidate.
    """
    places = np.array(boxes, np.float64).reshape(-1, 4)
    alive = np.ones(len(candidates), np.bool_)
    kept: list[Mask] = []
    ranked = _best_first(candidates)
    for rank, index in enumerate(ranked):
        progress(rank / len(ranked))
        if not alive[index]:
            continue
        candidate = candidates[index]
        logits = np.full((frame.low, frame.low), FAR_BELOW, np.float32)
        x0, y0, x1, y1 = candidate.cells
        logits[y0:y1, x0:x1] = candidate.logits
        rle, stability = _cut(frame, logits, candidate.cells, everything.stability_score_offset)
        if stability < everything.stability_score_thresh or not rle.area:
            continue
        alive &= _overlap(places[index], places) <= everything.box_nms_thresh
        quality = min(max(candidate.iou, 0.0), 1.0)
        kept.append(Mask(rle, rle.box, quality, stability, points=(candidate.point,)))
    return tuple(kept)


def _pixel_box(frame: Frame, logits: FloatArray, cells: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(4,): the first and the last pixel of the enlarged mask across and down. cells: XYXY half-open, those above zero.

    Logits cross zero somewhere between the last cell above it and the next, and suppression by whole cells would keep
    and drop others than the reference does. A mask that barely reaches its last cell may end before it, so it is drawn.
    Source of the box: segment-anything, utils/amg.py, batched_mask_to_box.
    """
    x0, y0, x1, y1 = (int(edge) for edge in cells)
    shown = logits[: frame.valid.height, : frame.valid.width]
    height, width = shown.shape
    outwards = np.array([-1, -1, 1, 1])
    last = (shown[y0:y1, x0], shown[y0, x0:x1], shown[y0:y1, x1 - 1], shown[y1 - 1, x0:x1])
    beyond = (
        shown[y0:y1, x0 - 1] if x0 else None,
        shown[y0 - 1, x0:x1] if y0 else None,
        shown[y0:y1, x1] if x1 < width else None,
        shown[y1, x0:x1] if y1 < height else None,
    )
    reach = np.array([_reach(inner, outer) for inner, outer in zip(last, beyond, strict=True)])
    reach[2:][frame.cut_cells & np.isinf(reach[2:])] = 0.0
    if reach.min() < frame.step:
        rle, _ = _cut(frame, logits, _cells_above(logits, 0.0), 0.0)
        return np.array([rle.box.x0, rle.box.y0, rle.box.x1 - 1, rle.box.y1 - 1], np.float64)
    edges = np.array([x0, y0, x1, y1]) + outwards * np.where(reach < math.inf, reach - 0.5, 0.0)
    return np.ceil(frame.picture_boxes(edges[None])[0] - 0.5) - np.array([0, 0, 1, 1])


def _reach(inner: FloatArray, outer: FloatArray | None) -> float:
    """How far from the centres of the inner cells the farthest crossing lies, 0 to 1; endless at the picture's edge."""
    above = inner > 0
    if outer is None:
        return math.inf if np.count_nonzero(above) >= BROAD else 0.0
    return float((inner[above] / (inner[above] - outer[above])).max(initial=0.0))


def _overlap(box: npt.NDArray[np.float64], boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N,): IoU of one box with each of many, XYXY of the first and the last pixel, as the reference has it.

    But a pixel counts as one wide where either box is no wider: else such boxes have no area and hide nothing.
    """
    thin = (boxes[:, 2:] == boxes[:, :2]).any(1) | (box[2:] == box[:2]).any()
    pixel = thin[:, None].astype(np.float64)
    shared = np.maximum(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]) + pixel, 0).prod(1)
    areas, own = (boxes[:, 2:] - boxes[:, :2] + pixel).prod(1), (box[2:] - box[:2] + pixel).prod(1)
    return shared / np.maximum(areas + own - shared, 1e-9)


def _cut(frame: Frame, logits: FloatArray, cells: tuple[int, int, int, int], offset: float) -> tuple[RLE, float]:
    """The mask at the picture's size, and its stability there, from the cells where it may be above -offset."""
    window = frame.window_of(np.array(cells))
    enlarged = frame.enlarge(logits, window)
    firm, loose = (int(np.count_nonzero(enlarged > cut)) for cut in (offset, -offset))
    return RLE.from_window(frame.picture, enlarged > 0, window[0], window[1]), firm / max(loose, 1)


def _cells_above(logits: FloatArray, cut: float, *, rings: int = 1) -> tuple[int, int, int, int]:
    """The tightest cells (x0, y0, x1, y1), half-open, round all logits above `cut`, and `rings` more on each side."""
    rows, columns = np.flatnonzero((logits > cut).any(1)), np.flatnonzero((logits > cut).any(0))
    if not rows.size:
        return (0, 0, 1, 1)
    height, width = logits.shape
    return (
        max(int(columns[0]) - rings, 0),
        max(int(rows[0]) - rings, 0),
        min(int(columns[-1]) + 1 + rings, width),
        min(int(rows[-1]) + 1 + rings, height),
    )
