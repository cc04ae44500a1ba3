"""Prompts on generated scenes: which mask is meant, where one clicks, which crop is shown.

Rows come as dictionaries of arrays, see `row_fields`. A click gives two rows, the same click in crops of two sizes, so
that the network learns to choose among the crops that a click is tried at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.nano.crops import SCALES, THUMB, Window, context, cut, cut_mask, deepest, hint_planes, thumbnail
from training.nano.scenes import FIRST_OBJECT, Scene

Row = dict[str, np.ndarray]
OBJECT, PART = 0, 1
VIEW_SIDES = 1 / 6, 1.0  # of a view, over the photo's longer side, even on a logarithmic scale


def row_fields(size: int) -> dict[str, tuple[tuple[int, ...], type]]:
    """Shape and dtype of a row's arrays.

    image: crop RGB; hints: see `hint_planes`; targets: the mask meant, and the other level at the click (part or
    whole); edges: borders of objects and of parts, half size; context: see `crops.context`; numbers: 1 for a box, ln of
    crop side over photo side, whole area of the mask meant in crop areas, share of it inside the crop, 1 where the
    other level exists.
    """
    half = size // 2
    return {
        "image": ((size, size, 3), np.uint8),
        "hints": ((4, size, size), np.uint8),
        "targets": ((2, size, size), np.uint8),
        "edges": ((2, half, half), np.uint8),
        "context": ((THUMB, THUMB, 5), np.uint8),
        "numbers": ((5,), np.float32),
    }


@dataclass(frozen=True, slots=True)
class Target:
    """A mask that could be meant: level, id in that level's map, bounding box (x0, y0, x1, y1)."""

    level: int
    number: int
    box: tuple[int, int, int, int]


class PromptScene:
    """A scene with its thumbnail and its possible targets, by level."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.maps = scene, (scene.objects, scene.parts)
        self.thumb, self.thumb_scale = thumbnail(scene.image)
        self.targets = (self.list_targets(OBJECT), self.list_targets(PART))

    def list_targets(self, level: int) -> list[Target]:
        """Regions neither tiny nor nearly the whole picture; a part that is its whole object is left out."""
        numbers, targets = self.maps[level], []
        areas = np.bincount(numbers.ravel())
        object_areas = np.bincount(self.maps[OBJECT].ravel()) if level == PART else areas
        for number in np.flatnonzero((areas >= max(60, 0.0015 * numbers.size)) & (areas <= 0.8 * numbers.size)):
            mask = numbers == number
            columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
            if level == PART:
                first = self.maps[OBJECT][rows[0], columns[0] + int(mask[rows[0], columns[0] :].argmax())]
                if object_areas[first] <= areas[number] * 1.05:
                    continue
            targets.append(
                Target(level, int(number), (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
            )
        return targets


@dataclass(frozen=True, slots=True)
class Meant:
    """The mask meant (H, W) uint8, its level and its box."""

    mask: np.ndarray
    level: int
    box: tuple[int, int, int, int]

    @property
    def extent(self) -> int:
        """The box's longer side."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


def draw_meant(rng: np.random.Generator, prepared: PromptScene) -> Meant | None:
    """A target at random: a whole, often only its clicked piece, or a part."""
    level = PART if prepared.targets[PART] and rng.random() < 0.35 else OBJECT
    if not prepared.targets[level]:
        return None
    target = prepared.targets[level][rng.integers(len(prepared.targets[level]))]
    if level == OBJECT and target.number < FIRST_OBJECT and rng.random() < 0.4:
        return None
    mask, box = (prepared.maps[level] == target.number).astype(np.uint8), target.box
    if level == OBJECT and rng.random() < 0.6:
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        if count > 2:
            areas = stats[1:, cv2.CC_STAT_AREA]
            piece = 1 + int(rng.choice(count - 1, p=areas / areas.sum()))
            x, y, wide, high, area = (int(v) for v in stats[piece])
            if area < 60:
                return None
            mask, box = (labels == piece).astype(np.uint8), (x, y, x + wide, y + high)
    return Meant(mask, level, box)


def draw_click(rng: np.random.Generator, meant: Meant) -> tuple[float, float]:
    """The most interior point, or any point well inside; pixel centres."""
    x0, y0, x1, y1 = meant.box
    inner = cv2.copyMakeBorder(meant.mask[y0:y1, x0:x1], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(inner, cv2.DIST_L2, 3)[1:-1, 1:-1]
    if rng.random() < 0.65:
        row, column = np.unravel_index(int(distance.argmax()), distance.shape)
    else:
        rows, columns = np.nonzero(distance > 0.35 * distance.max())
        chosen = rng.integers(len(rows))
        row, column = rows[chosen], columns[chosen]
    return float(column) + x0 + 0.5, float(row) + y0 + 0.5


def other_level(prepared: PromptScene, meant: Meant, click: tuple[float, float]) -> np.ndarray | None:
    """The whole around the clicked part, or the part inside the clicked whole; None where they are about the same."""
    numbers = prepared.maps[1 - meant.level]
    other = (numbers == numbers[int(click[1]), int(click[0])]).astype(np.uint8)
    both, either = int((other & meant.mask).sum()), int((other | meant.mask).sum())
    return None if both > 0.92 * either else other


def make_row(
    rng: np.random.Generator,
    prepared: PromptScene,
    meant: Meant,
    window: Window,
    size: int,
    *,
    clicks: tuple[tuple[float, float], ...] = (),
    box: np.ndarray | None = None,
    other: np.ndarray | None = None,
    flawed: bool = False,
) -> Row | None:
    """One row; None where too little of the mask is in the crop.

    `flawed` adds a wrong earlier mask and the click that corrects it.
    """
    photo_side, area = max(meant.mask.shape), (size / window.side) ** 2
    target = cut_mask(meant.mask, window, size)
    seen = int(target.sum())
    if seen < 40:
        return None
    positive, negative = [window.inside(x, y, size) for x, y in clicks], []
    previous = flaw(rng, target, None if other is None else cut_mask(other, window, size)) if flawed else None
    if previous is not None:
        add_correction(target > 0, previous > 0, positive, negative)
        previous = previous * 255
    elif rng.random() < 0.15:
        stray_clicks(rng, target, positive, negative)
    edges_of_box = None if box is None else (*window.inside(box[0], box[1], size), *window.inside(box[2], box[3], size))
    whole = max(float(meant.mask.sum()) * area, seen)
    numbers = (
        box is not None,
        math.log(window.side / photo_side),
        whole / size**2,
        min(1.0, max(0.08, seen / whole)),
        other is not None,
    )
    row = {
        "image": cut(prepared.scene.image, window, size),
        "hints": hint_planes(size, positive, negative, edges_of_box, previous),
        "targets": np.stack([target, target if other is None else cut_mask(other, window, size)]),
        "edges": np.stack([half_edges(cut(level, window, size, labels=True)) for level in prepared.maps]),
        "context": context(prepared.thumb, prepared.thumb_scale, window, list(clicks)),
        "numbers": np.array(numbers, np.float32),
    }
    return mirror(row) if rng.random() < 0.5 else row


def view_rows(rng: np.random.Generator, prepared: PromptScene, size: int) -> list[Row]:
    """One crop without a prompt, anywhere, from a sixth of the photo to all of it: image and edges."""
    height, width = prepared.scene.objects.shape
    side = max(height, width) * math.exp(rng.uniform(math.log(VIEW_SIDES[0]), math.log(VIEW_SIDES[1])))
    slack = max(0.0, (width - side) / 2), max(0.0, (height - side) / 2)
    x, y = width / 2 + rng.uniform(-1, 1) * slack[0], height / 2 + rng.uniform(-1, 1) * slack[1]
    window = Window(x, y, side)
    image = cut(prepared.scene.image, window, size)
    edges = np.stack([half_edges(cut(level, window, size, labels=True)) for level in prepared.maps])
    if rng.random() < 0.5:
        image, edges = image[:, ::-1], edges[..., ::-1]
    return [{"image": image, "edges": edges}]


def mirror(row: Row) -> Row:
    """The row seen from the other side."""
    turned = {name: row[name][:, ::-1] for name in ("image", "context")}
    return {**row, **turned, **{name: row[name][..., ::-1] for name in ("hints", "targets", "edges")}}


def half_edges(labels: np.ndarray) -> np.ndarray:
    """1 where a 2 x 2 block of a label map holds a border; half its size, uint8."""
    corner = labels[::2, ::2]
    return ((labels[1::2, ::2] != corner) | (labels[::2, 1::2] != corner) | (labels[1::2, 1::2] != corner)).astype(
        np.uint8
    )


def flaw(rng: np.random.Generator, target: np.ndarray, other: np.ndarray | None) -> np.ndarray:
    """A plausible wrong mask: another level, grown or shrunk, or with a piece added or missing."""
    kind, size = rng.random(), target.shape[0]
    if kind < 0.4 and other is not None:
        return other if kind < 0.25 else np.maximum(other, target)
    if kind < 0.7:
        kernel = np.ones((int(rng.integers(3, 25)),) * 2, np.uint8)
        return cv2.dilate(target, kernel) if rng.random() < 0.5 else cv2.erode(target, kernel)
    wrong, side = target.copy(), int(rng.integers(size // 6, size // 2))
    row, column = rng.integers(0, size - side, 2)
    wrong[row : row + side, column : column + side] = rng.integers(0, 2)
    return wrong


def add_correction(target: np.ndarray, mask: np.ndarray, positive: list, negative: list) -> None:
    """Append a click in the middle of the largest error of a crop's mask, to the list it belongs to."""
    missing, extra = target & ~mask, mask & ~target
    wrong = missing if missing.sum() >= extra.sum() else extra
    if wrong.any():
        (positive if wrong is missing else negative).append(deepest(wrong))


def stray_clicks(rng: np.random.Generator, target: np.ndarray, positive: list, negative: list) -> None:
    """One or two more clicks, inside or just outside."""
    for _ in range(rng.integers(1, 3)):
        inside = rng.random() < 0.5
        area = target if inside else cv2.dilate(target, np.ones((15, 15), np.uint8)) - target
        rows, columns = np.nonzero(area)
        if len(rows):
            chosen = rng.integers(len(rows))
            (positive if inside else negative).append((int(columns[chosen]), int(rows[chosen])))


def jittered_box(rng: np.random.Generator, meant: Meant) -> np.ndarray:
    """The mask's box as a person draws it, (4,)."""
    return np.array(meant.box) + rng.normal(0, 0.03 if rng.random() < 0.7 else 0.08, 4) * meant.extent


def around_box(box: np.ndarray, margin: float, longest: int) -> Window:
    """The square window around a box."""
    side = max(box[2] - box[0], box[3] - box[1], 8) * margin
    return Window(float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2, float(min(max(side, 20), 2.2 * longest)))


def click_windows(
    rng: np.random.Generator, click: tuple[float, float], extent: int, longest: int, count: int
) -> list[Window]:
    """Windows around a click at `count` of the five SCALES, mostly those that suit the mask's extent."""
    sides = np.array(SCALES) * longest
    fitness = np.exp(-0.5 * (np.log(sides / (1.9 * extent)) / 0.75) ** 2) + 0.06
    chosen = rng.choice(len(sides), count, replace=False, p=fitness / fitness.sum())
    return [Window(*click, max(24.0, float(sides[index]) * math.exp(rng.uniform(-0.15, 0.15)))) for index in chosen]


def click_rows(rng: np.random.Generator, prepared: PromptScene, size: int) -> list[Row] | None:
    """Two rows of one click."""
    meant = draw_meant(rng, prepared)
    if meant is None:
        return None
    click = draw_click(rng, meant)
    other = other_level(prepared, meant, click)
    windows = click_windows(rng, click, meant.extent, max(meant.mask.shape), 2)
    rows = [make_row(rng, prepared, meant, window, size, clicks=(click,), other=other) for window in windows]
    return rows if all(row is not None for row in rows) else None


def box_rows(rng: np.random.Generator, prepared: PromptScene, size: int) -> list[Row] | None:
    """One row of a box."""
    meant = draw_meant(rng, prepared)
    if meant is None:
        return None
    box = jittered_box(rng, meant)
    row = make_row(rng, prepared, meant, around_box(box, rng.uniform(1.15, 1.5), max(meant.mask.shape)), size, box=box)
    return None if row is None else [row]


def correction_rows(rng: np.random.Generator, prepared: PromptScene, size: int) -> list[Row] | None:
    """One row on the way: the trainer adds the network's own mask and the clicks that correct it."""
    meant = draw_meant(rng, prepared)
    if meant is None:
        return None
    click, longest = draw_click(rng, meant), max(meant.mask.shape)
    other = other_level(prepared, meant, click)
    if rng.random() < 0.25:
        window = click_windows(rng, click, meant.extent, longest, 1)[0]
    else:
        window = around_box(
            np.array(meant.box) + rng.normal(0, 0.06, 4) * meant.extent, rng.uniform(1.15, 2.0), longest
        )
    box = jittered_box(rng, meant) if rng.random() < 0.2 else None
    row = make_row(rng, prepared, meant, window, size, clicks=(click,), box=box, other=other, flawed=rng.random() < 0.4)
    return None if row is None else [row]
