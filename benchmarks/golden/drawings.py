"""Drawings with exact masks, drawn from a seed: what the golden model learns from and is measured with."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True)
class Drawing:
    """pixels: (H, W, 3) uint8 RGB. labels: (H, W) int32, 0 is the ground, 1..n the visible part of each shape."""

    pixels: UInt8
    labels: npt.NDArray[np.int32]


def draw_many(seed: int, count: int, size: tuple[int, int] = (480, 640)) -> Iterator[Drawing]:
    """The drawings of a seed, all of one height and width."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield draw(rng, *size)


def draw(rng: Rng, height: int, width: int) -> Drawing:
    """Shapes on a ground: flat, shaded or patterned fills, some outlined; later ones cover earlier ones."""
    pixels = _shade(rng, height, width, rng.integers(20, 256, (2, 3)))
    labels = np.zeros((height, width), np.int32)
    for index in range(1, 1 + int(rng.integers(4, 11))):
        outline = _outline(rng, height, width)
        shape = np.zeros((height, width), np.uint8)
        cv2.fillPoly(shape, [outline], 1)
        inside = shape.astype(bool)
        x, y, w, h = cv2.boundingRect(shape)
        if not w:
            continue
        window = np.s_[y : y + h, x : x + w]
        pixels[window][inside[window]] = _fill(rng, h, w)[inside[window]]
        labels[inside] = index
        if rng.random() < 0.4:
            dark = tuple(int(v) for v in rng.integers(0, 60, 3))
            cv2.polylines(
                pixels, [outline], isClosed=True, color=dark, thickness=1 + int(rng.integers(1, 3)) * width // 400
            )
    if rng.random() < 0.3:
        noise = rng.standard_normal(pixels.shape, np.float32) * np.float32(rng.uniform(1, 8))
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return Drawing(pixels, labels)


def _outline(rng: Rng, height: int, width: int) -> npt.NDArray[np.int32]:
    """A closed polygon (N, 1, 2): ellipse, rectangle, star, blob or random polygon, turned and placed."""
    scale = min(height, width) * math.exp(rng.uniform(math.log(0.05), math.log(0.26)))
    axes = np.array([scale, scale * rng.uniform(0.4, 1.0)])
    kind = rng.integers(0, 5)
    if kind == 0:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radii = np.ones(48)
    elif kind == 1:
        corner = rng.uniform(0.3, 1.2)
        angles = np.array([corner, np.pi - corner, np.pi + corner, -corner])
        radii = np.ones(4)
    elif kind == 2:
        tips = int(rng.integers(5, 10))
        angles = np.linspace(0, 2 * np.pi, 2 * tips, endpoint=False)
        radii = np.where(np.arange(2 * tips) % 2, rng.uniform(0.4, 0.7), 1.0)
        axes = np.array([scale, scale])
    elif kind == 3:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radii = 1 + 0.25 * np.sin(angles * rng.integers(2, 5) + rng.uniform(0, 6)) * rng.uniform(0.3, 1)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))))
        radii = rng.uniform(0.7, 1.2, angles.size)
    points = np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None] * axes
    turn = rng.uniform(0, 2 * np.pi)
    points = points @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    centre = rng.uniform([0, 0], [width, height])
    return np.round(points + centre).astype(np.int32)[:, None]


def _shade(rng: Rng, height: int, width: int, colours: npt.NDArray[np.int64]) -> UInt8:
    """A linear gradient between two colours, (H, W, 3)."""
    turn = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    along = math.cos(turn) * columns / width + math.sin(turn) * rows / height
    along = (along - along.min()) / max(float(np.ptp(along)), 1e-6)
    return (colours[0] + along[..., None] * (colours[1] - colours[0])).astype(np.uint8)


def _fill(rng: Rng, height: int, width: int) -> UInt8:
    """(H, W, 3): one colour, a soft gradient, stripes or a checkerboard of two near colours."""
    colour = rng.integers(0, 256, 3)
    kind = rng.random()
    if kind < 0.45:
        return np.broadcast_to(colour.astype(np.uint8), (height, width, 3))
    other = np.clip(colour + rng.integers(-60, 61, 3), 0, 255)
    if kind < 0.6:
        return _shade(rng, height, width, np.stack([colour, other]))
    rows, columns = np.mgrid[0:height, 0:width]
    turn, period = rng.uniform(0, np.pi), rng.uniform(1.5, 7)
    wave = np.floor((math.cos(turn) * columns + math.sin(turn) * rows) / period)
    if kind > 0.9:
        wave += np.floor((math.sin(turn) * columns - math.cos(turn) * rows) / period)
    return np.where(wave[..., None] % 2 == 0, colour, other).astype(np.uint8)
