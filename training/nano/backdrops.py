"""Photo-like backgrounds: sky, far hills, rows of buildings, rooms, vegetation, studio walls, ground in perspective.

A backdrop is an image (H, W, 3) float32, an object map (H, W) uint8 with ids 1..15 and a part map (H, W) uint16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from training.nano.textures import TAU, TextureBank, natural_colour, noise


@dataclass(slots=True)
class Backdrop:
    """A picture in the making; `horizon` is the row at which its ground begins."""

    image: np.ndarray
    objects: np.ndarray
    parts: np.ndarray
    horizon: int

    @classmethod
    def empty(cls, height: int, width: int, horizon: int) -> Backdrop:
        """All object 1, part 1, black."""
        return cls(
            np.zeros((height, width, 3), np.float32),
            np.ones((height, width), np.uint8),
            np.ones((height, width), np.uint16),
            horizon,
        )

    def fill(self, mask: np.ndarray, surface: np.ndarray, number: int, part: int | None = None) -> None:
        """Cover `mask` (H, W) bool with a surface (H, W, 3) as object `number`."""
        self.image[mask] = surface[mask]
        self.objects[mask] = number
        self.parts[mask] = number if part is None else part


def sky(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A vertical gradient with or without clouds, or an overcast blank."""
    top, low = natural_colour(rng, "sky"), natural_colour(rng, "sky")
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    surface = np.broadcast_to(top * (1 - ramp) + low * ramp, (height, width, 3)).copy()
    if rng.random() < 0.6:
        field = cv2.resize(noise(rng, rng.uniform(1.4, 2.2), side=128, stretch=True), (width, height))
        cover = np.clip(field * rng.uniform(0.3, 1.2) + rng.normal(0, 0.5), 0, 1)[..., None]
        surface = surface * (1 - cover) + np.float32(rng.uniform(180, 255)) * cover
    return surface


def ground(rng: np.random.Generator, bank: TextureBank, height: int, width: int, horizon: int) -> np.ndarray:
    """A surface seen in perspective from `horizon` down."""
    tone = natural_colour(rng, "ground" if rng.random() < 0.75 else "foliage")
    flat = bank.tinted(rng, 256, 256, tone) if rng.random() < 0.8 else bank.patch(rng, 256, 256)
    depth = max(height - horizon, 4)
    near, far = rng.uniform(0.9, 1.6), rng.uniform(2.5, 7)
    corners = np.float32([[128 - 128 * near / far, 0], [128 + 128 * near / far, 0], [256, 256], [0, 256]])
    middle = width / 2
    target = np.float32(
        [
            [middle - width * 0.7, 0],
            [middle + width * 0.7, 0],
            [middle + width * 0.7 * near, depth],
            [middle - width * 0.7 * near, depth],
        ]
    )
    matrix = cv2.getPerspectiveTransform(np.ascontiguousarray(corners), np.ascontiguousarray(target))
    low = cv2.warpPerspective(flat, matrix, (width, depth), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    surface = np.zeros((height, width, 3), np.float32)
    surface[height - depth :] = low
    return np.clip(surface * np.float32(rng.uniform(0.8, 1.1)), 0, 255)


def skyline(rng: np.random.Generator, width: int, base: float, swing: float) -> np.ndarray:
    """A wavy line of heights (width,) for hills and tree tops."""
    x = np.arange(width) / width
    line = sum(
        rng.normal(0, swing / wave) * np.sin(TAU * wave * x + rng.uniform(0, TAU)) for wave in (1, 2, 3, 5, 9, 17)
    )
    return base + line + rng.normal(0, swing * 0.08, width)


def add_hills(rng: np.random.Generator, bank: TextureBank, picture: Backdrop) -> None:
    """Far hills or a line of trees between sky and ground."""
    height, width = picture.objects.shape
    rows = np.arange(height)[:, None]
    for number in range(3, 3 + rng.integers(1, 3)):
        line = skyline(rng, width, picture.horizon - height * rng.uniform(0.03, 0.35), height * rng.uniform(0.01, 0.08))
        mask = (rows > line) & (rows < picture.horizon + 2)
        colour = natural_colour(rng, "foliage") * rng.uniform(0.7, 1.4)
        picture.fill(mask, bank.tinted(rng, height, width, np.clip(colour, 0, 255).astype(np.float32)), number)


def add_buildings(rng: np.random.Generator, bank: TextureBank, picture: Backdrop) -> None:
    """A row of fronts with windows, one object of many parts."""
    height, width = picture.objects.shape
    left, part = -rng.uniform(0, 0.2) * width, 40
    base = picture.horizon + int(rng.uniform(0, 0.08) * height)
    while left < width:
        wide = width * rng.uniform(0.12, 0.6)
        top = picture.horizon * rng.uniform(-0.2, 0.75)
        x0, x1, y0 = int(max(left, 0)), int(min(left + wide, width)), int(max(top, 0))
        left += wide + (rng.uniform(0, 0.15) * width if rng.random() < 0.3 else 0)
        if x1 - x0 < 4 or base - y0 < 6:
            continue
        window = np.s_[y0:base, x0:x1]
        picture.image[window] = bank.tinted(rng, base - y0, x1 - x0, natural_colour(rng, "wall"))
        picture.objects[window], picture.parts[window] = 5, part
        columns, rows = int(rng.integers(2, 8)), int(rng.integers(2, 7))
        pane, tone = rng.uniform(0.3, 0.7, 2), natural_colour(rng, "sky") * rng.uniform(0.2, 0.8)
        for i in range(columns):
            for j in range(rows):
                x, y = x0 + (x1 - x0) * (i + 0.2) / columns, y0 + (base - y0) * (j + 0.2) / rows
                corner = (int(x + (x1 - x0) * pane[0] / columns), int(y + (base - y0) * pane[1] / rows))
                colour = np.clip(tone * rng.uniform(0.6, 1.3), 0, 255)
                cv2.rectangle(picture.image, (int(x), int(y)), corner, colour.tolist(), -1)
        part += 1


def add_road(rng: np.random.Generator, bank: TextureBank, picture: Backdrop) -> None:
    """A path or road that narrows toward the horizon, sometimes with lines."""
    height, width = picture.objects.shape
    far, near = rng.uniform(0.1, 0.9) * width, rng.uniform(-0.1, 1.1) * width
    top, low = rng.uniform(0.01, 0.1) * width, rng.uniform(0.25, 0.9) * width
    mask = np.zeros((height, width), np.uint8)
    outline = np.array(
        [(far - top, picture.horizon), (far + top, picture.horizon), (near + low, height), (near - low, height)],
        np.int32,
    )
    cv2.fillPoly(mask, [outline], 1)
    mask[: picture.horizon] = 0
    picture.fill(mask > 0, bank.tinted(rng, height, width, natural_colour(rng, "ground")), 6)
    if rng.random() < 0.4:
        line = np.array([(far, picture.horizon), (near + low * 0.03, height), (near - low * 0.03, height)], np.int32)
        cv2.fillPoly(picture.image, [line], (225, 225, 215))


def outdoors(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Backdrop:
    """Sky, far things and ground: country, street or a wall of vegetation."""
    horizon = int(height * rng.uniform(0.15, 0.7))
    picture = Backdrop.empty(height, width, horizon)
    picture.image[:] = sky(rng, height, width)
    if rng.random() < 0.6:
        add_hills(rng, bank, picture)
    if rng.random() < 0.5:
        add_buildings(rng, bank, picture)
    if rng.random() < 0.25:
        tall = Backdrop.empty(height, width, horizon)
        line = skyline(rng, width, horizon * rng.uniform(-0.2, 0.6), height * 0.05)
        mask = np.arange(height)[:, None] > line
        tall.fill(mask, bank.tinted(rng, height, width, natural_colour(rng, "foliage")), 7)
        picture.fill(mask, tall.image, 7)
    below = np.broadcast_to(np.arange(height)[:, None] >= horizon, (height, width))
    picture.fill(below, ground(rng, bank, height, width, horizon), 2)
    if rng.random() < 0.5:
        add_road(rng, bank, picture)
    return picture


def indoors(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Backdrop:
    """A wall with frames, doors or shelves above a floor."""
    horizon = int(height * rng.uniform(0.4, 0.85))
    picture = Backdrop.empty(height, width, horizon)
    wall = (
        bank.tinted(rng, height, width, natural_colour(rng, "wall"))
        if rng.random() < 0.6
        else bank.patch(rng, height, width)
    )
    picture.image[:] = wall
    for number in range(8, 8 + int(rng.integers(0, 4))):
        wide, high = int(rng.uniform(0.08, 0.35) * width), int(rng.uniform(0.1, 0.5) * height)
        x, y = int(rng.uniform(-0.1, 1) * width), int(rng.uniform(0.02, 0.5) * height)
        mask = np.zeros((height, width), bool)
        mask[y : y + high, max(x, 0) : max(x + wide, 0)] = True
        picture.fill(mask, bank.patch(rng, height, width), number)
    below = np.broadcast_to(np.arange(height)[:, None] >= horizon, (height, width))
    picture.fill(below, ground(rng, bank, height, width, horizon), 2)
    return picture


def studio(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Backdrop:
    """One plain or softly textured surface, lit unevenly."""
    picture = Backdrop.empty(height, width, int(height * rng.uniform(0.6, 0.95)))
    surface = (
        bank.tinted(rng, height, width, natural_colour(rng, "wall"))
        if rng.random() < 0.6
        else bank.patch(rng, height, width)
    )
    y, x = np.mgrid[:height, :width].astype(np.float32)
    away = np.hypot(x / width - rng.random(), y / height - rng.random())
    picture.image[:] = surface * (1.1 - rng.uniform(0, 0.6) * away)[..., None]
    return picture


def patchwork(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Backdrop:
    """Regions of different surfaces with wavy borders, at any angle."""
    picture = Backdrop.empty(height, width, int(height * 0.5))
    picture.image[:] = bank.patch(rng, height, width)
    y, x = np.mgrid[:height, :width].astype(np.float32) / max(height, width)
    for number in range(2, 2 + int(rng.choice([0, 1, 1, 2, 3]))):
        angle = math.pi / 2 if rng.random() < 0.5 else rng.uniform(0, math.pi)
        along = x * math.cos(angle) + y * math.sin(angle)
        across = x * math.sin(angle) - y * math.cos(angle)
        along = along + sum(
            rng.normal(0, 0.05 / wave) * np.sin(TAU * wave * across + rng.uniform(0, TAU)) for wave in (1, 2, 4)
        )
        mask = along > rng.uniform(0.15, 0.75)
        if rng.random() < 0.3:
            mask |= cv2.resize(noise(rng, 1.8, side=64), (width, height)) > rng.uniform(0.6, 1.5)
        picture.fill(mask, bank.patch(rng, height, width), number)
    return picture


KINDS = (outdoors, indoors, studio, patchwork)
SHARES = (0.42, 0.18, 0.14, 0.26)


def any_backdrop(rng: np.random.Generator, bank: TextureBank, height: int, width: int) -> Backdrop:
    """A backdrop of a random kind, one time in three out of focus."""
    picture = KINDS[rng.choice(len(KINDS), p=SHARES)](rng, bank, height, width)
    if rng.random() < 0.35:
        picture.image = cv2.GaussianBlur(picture.image, (0, 0), rng.uniform(0.6, 4))
    return picture
