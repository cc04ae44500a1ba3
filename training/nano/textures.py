"""Surfaces for generated scenes: colours, noise, patterns, and a bank of ready textures; no photograph is used.

Every function takes a `numpy.random.Generator` and uses no other source of chance, so a seed fixes every byte.
Pictures are (H, W, 3) float32 RGB in 0..255 unless a docstring says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

SIDE = 256
TAU = 2 * math.pi
ROWS, COLUMNS = (axis.astype(np.float32) / SIDE for axis in np.mgrid[:SIDE, :SIDE])

# Mean RGB of natural stuff, from which `natural_colour` strays a little.
NATURAL = {
    "sky": ((120, 170, 225), (190, 215, 240), (225, 228, 232), (240, 205, 170), (70, 90, 130)),
    "foliage": ((50, 85, 35), (85, 115, 50), (110, 130, 70), (120, 100, 45), (35, 55, 35)),
    "ground": ((125, 120, 112), (95, 95, 98), (150, 140, 125), (110, 125, 70), (180, 165, 140), (70, 68, 66)),
    "wall": ((190, 180, 165), (150, 105, 85), (215, 212, 205), (120, 120, 125), (170, 150, 120), (95, 80, 70)),
    "skin": ((236, 200, 178), (224, 180, 150), (198, 150, 118), (160, 112, 82), (112, 76, 56), (78, 52, 42)),
    "hair": ((28, 24, 22), (62, 44, 32), (105, 75, 48), (170, 135, 85), (140, 70, 40), (150, 148, 146)),
}


def lab_colour(rng: np.random.Generator) -> np.ndarray:
    """One CIELAB colour (3,), mostly muted, sometimes vivid."""
    chroma = abs(rng.normal(0, 18)) if rng.random() < 0.7 else rng.uniform(15, 75)
    hue = rng.uniform(0, TAU)
    return np.array([rng.uniform(4, 97), chroma * math.cos(hue), chroma * math.sin(hue)], np.float32)


def palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """`count` related colours, (count, 3) float32 RGB in 0..255."""
    spread = rng.choice([4, 10, 22, 45])
    colours = lab_colour(rng) + rng.normal(0, 1, (count, 3)) * (spread, spread * 0.5, spread * 0.5)
    colours[:, 0] = np.clip(colours[:, 0], 0, 100)
    return cv2.cvtColor(colours[None].astype(np.float32), cv2.COLOR_LAB2RGB)[0] * 255


def natural_colour(rng: np.random.Generator, kind: str) -> np.ndarray:
    """A colour (3,) near one of the means of `kind` in NATURAL."""
    means = np.array(NATURAL[kind], np.float32)
    first, second = means[rng.integers(len(means))], means[rng.integers(len(means))]
    mixed = first + (second - first) * rng.uniform(0, 0.5)
    return np.clip(mixed * rng.uniform(0.85, 1.12) + rng.normal(0, 5, 3), 0, 255).astype(np.float32)


def noise(
    rng: np.random.Generator, slope: float, *, side: int = SIDE, band: float | None = None, stretch: bool = False
) -> np.ndarray:
    """Gaussian noise, (side, side) float32 of mean 0 and deviation 1.

    Its spectrum is 1 / f**slope, or a ring at `band` cycles a side.
    """
    rows, columns = np.fft.fftfreq(side)[:, None] * side, np.fft.rfftfreq(side)[None] * side
    if stretch:
        angle, factor = rng.uniform(0, math.pi), rng.uniform(1.5, 6)
        rows, columns = (
            -columns * math.sin(angle) + rows * math.cos(angle),
            (columns * math.cos(angle) + rows * math.sin(angle)) * factor,
        )
    frequency = np.sqrt(rows**2 + columns**2)
    amplitude = np.exp(-0.5 * ((frequency - band) / (band * 0.25)) ** 2) if band else (frequency + 1) ** -slope
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(0, 1, (side, side))) * amplitude, s=(side, side)).astype(np.float32)
    return (field - field.mean()) / (field.std() + 1e-6)


# Patterns: each gives a (SIDE, SIDE) field in 0..1.


def clouds(rng: np.random.Generator) -> np.ndarray:
    """Noise of any roughness, sometimes stretched along one direction."""
    return noise(rng, rng.uniform(0.7, 2.4), stretch=rng.random() < 0.35) * 0.25 + 0.5


def ripples(rng: np.random.Generator) -> np.ndarray:
    """Ring-filtered noise: sand, fingerprints, leopards."""
    return np.tanh(noise(rng, 1, band=rng.uniform(6, 40)) * rng.uniform(0.8, 4)) * 0.5 + 0.5


def reaction_diffusion(rng: np.random.Generator, *, side: int = 96, steps: int = 1400) -> np.ndarray:
    """Gray-Scott pattern: corals, spots, mazes (J. E. Pearson, Science 261, 1993)."""
    feed, kill = [(0.037, 0.06), (0.03, 0.062), (0.025, 0.06), (0.039, 0.058), (0.046, 0.063)][rng.integers(5)]
    u, v = np.ones((side, side), np.float32), np.zeros((side, side), np.float32)
    for row, column in rng.integers(0, side - 8, (25, 2)):
        u[row : row + 6, column : column + 6] = v[row : row + 6, column : column + 6] = 0.5
    laplace = np.array([[0.05, 0.2, 0.05], [0.2, -1, 0.2], [0.05, 0.2, 0.05]], np.float32)
    for _ in range(steps):
        reaction = u * v * v
        u += 0.9 * cv2.filter2D(u, -1, laplace, borderType=cv2.BORDER_REFLECT) - reaction + feed * (1 - u)
        v += 0.45 * cv2.filter2D(v, -1, laplace, borderType=cv2.BORDER_REFLECT) + reaction - (feed + kill) * v
    return stretch_range(cv2.resize(v, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))


def stretch_range(field: np.ndarray) -> np.ndarray:
    """The field scaled to 0..1."""
    return (field - field.min()) / (np.ptp(field) + 1e-6)


def turned_grid(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Two rotated, sometimes wavy coordinates, and a count of periods for a pattern laid on them."""
    angle = rng.uniform(0, TAU) if rng.random() < 0.5 else rng.integers(4) * TAU / 4
    wave = noise(rng, 2.0) * rng.choice([0, 0, 0.01, 0.04])
    u = (COLUMNS + wave) * math.cos(angle) + ROWS * math.sin(angle)
    v = -COLUMNS * math.sin(angle) + (ROWS + wave) * math.cos(angle)
    return u, v, math.exp(rng.uniform(math.log(3), math.log(40)))


def stripes(rng: np.random.Generator) -> np.ndarray:
    """Soft or hard stripes."""
    u, _, periods = turned_grid(rng)
    return np.sin(TAU * u * periods) * rng.uniform(0.5, 5) * 0.5 + 0.5


def plaid(rng: np.random.Generator) -> np.ndarray:
    """Crossing bands: checks, tartan."""
    u, v, periods = turned_grid(rng)
    width = rng.uniform(0.2, 0.8)
    return (
        (u * periods % 1 < width) * rng.uniform(0.3, 0.7)
        + (v * periods % 1 < width) * 0.3
        + (u * periods * 0.25 % 1 < 0.3) * 0.2
    )


def bricks(rng: np.random.Generator) -> np.ndarray:
    """Bricks or tiles with joints, each of its own tone."""
    u, v, periods = turned_grid(rng)
    row = np.floor(v * periods)
    along = u * periods * rng.uniform(0.4, 0.6) + 0.5 * (row % 2) * (rng.random() < 0.7)
    tone = np.modf(np.abs(np.sin(row * 12.9898 + np.floor(along) * 78.233) * 43758.5))[0] * 0.5 + 0.4
    joint = rng.uniform(0.04, 0.15)
    return np.where((v * periods % 1 < joint) | (along % 1 < joint * 0.5), rng.choice([0.0, 1.0]), tone)


def windows(rng: np.random.Generator) -> np.ndarray:
    """A facade: a grid of panes, some lit, in a plain wall."""
    periods = rng.uniform(3, 12)
    u, v = COLUMNS * periods * rng.uniform(0.6, 1.5), ROWS * periods
    tone = np.modf(np.abs(np.sin(np.floor(v) * 12.9898 + np.floor(u) * 78.233) * 43758.5))[0]
    pane = (np.abs(u % 1 - 0.5) < rng.uniform(0.2, 0.42)) & (np.abs(v % 1 - 0.5) < rng.uniform(0.2, 0.42))
    return np.where(pane, tone * 0.35, rng.uniform(0.6, 0.95))


def woven(rng: np.random.Generator) -> np.ndarray:
    """Over-and-under threads."""
    u, v, periods = turned_grid(rng)
    over = (np.floor(u * periods) + np.floor(v * periods)) % 2 < 1
    return np.where(over, np.abs(np.sin(math.pi * u * periods)), 0.8 * np.abs(np.sin(math.pi * v * periods)))


def cells(rng: np.random.Generator) -> np.ndarray:
    """Voronoi cells, flat or domed: stones, scales, foam."""
    seeds = np.ones((SIDE, SIDE), np.uint8)
    count = int(math.exp(rng.uniform(math.log(10), math.log(500))))
    seeds[rng.integers(0, SIDE, count), rng.integers(0, SIDE, count)] = 0
    distance, label = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 3)
    tone = rng.random(label.max() + 1).astype(np.float32)[label]
    return tone if rng.random() < 0.5 else np.clip(distance / (distance.max() + 1e-6) * 1.4, 0, 1) * 0.7 + tone * 0.3


def strokes(rng: np.random.Generator) -> np.ndarray:
    """Short lines in one main direction: grass, hair, fur, bark."""
    field = np.full((SIDE, SIDE), 0.5, np.float32)
    angle, length, scatter, width = (
        rng.uniform(0, TAU),
        rng.uniform(6, 45),
        rng.uniform(0.05, 0.8),
        int(rng.integers(1, 4)),
    )
    count = int(rng.integers(200, 900))
    starts, turns, tones = rng.uniform(0, SIDE, (count, 2)), rng.normal(angle, scatter, count), rng.random(count)
    ends = starts + length * np.stack([np.cos(turns), np.sin(turns)], 1)
    for start, end, tone in zip(starts.astype(int).tolist(), ends.astype(int).tolist(), tones.tolist(), strict=True):
        cv2.line(field, start, end, tone, width)
    return field


def leaves(rng: np.random.Generator) -> np.ndarray:
    """Overlapping small ellipses, darker underneath: foliage, litter, pebbles."""
    field = np.zeros((SIDE, SIDE), np.float32)
    size, count = rng.uniform(2.5, 12), int(rng.integers(500, 1500))
    places, turns = rng.integers(0, SIDE, (count, 2)).tolist(), rng.uniform(0, 180, count).tolist()
    flat = rng.uniform(0.3, 0.9)
    for rank, (place, turn) in enumerate(zip(places, turns, strict=True)):
        axes = (int(size * rng.uniform(0.6, 1.4)) + 1, int(size * flat) + 1)
        cv2.ellipse(field, place, axes, turn, 0, 360, 0.15 + 0.7 * rank / count + rng.normal(0, 0.12), -1)
    return field


def dots(rng: np.random.Generator) -> np.ndarray:
    """Scattered discs on a plain ground."""
    field = np.zeros((SIDE, SIDE), np.float32)
    periods = math.exp(rng.uniform(math.log(3), math.log(30)))
    for place in rng.integers(0, SIDE, (int(periods**2 * 0.4) + 6, 2)).tolist():
        cv2.circle(field, place, int(max(1, SIDE / periods * rng.uniform(0.1, 0.45))), rng.uniform(0.3, 1), -1)
    return field


def gradient(rng: np.random.Generator) -> np.ndarray:
    """A linear or radial ramp."""
    u, _, _ = turned_grid(rng)
    return stretch_range(u if rng.random() < 0.6 else np.hypot(COLUMNS - rng.random(), ROWS - rng.random()))


PATTERNS: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (
    clouds, clouds, clouds, ripples, reaction_diffusion, stripes, plaid, bricks, windows, woven, cells,
    strokes, strokes, leaves, leaves, dots, gradient,
)  # fmt: skip


def make_texture(rng: np.random.Generator) -> np.ndarray:
    """A coloured texture, (SIDE, SIDE, 3) uint8: one or two patterns, roughened, mapped to a small palette."""
    field = PATTERNS[rng.integers(len(PATTERNS))](rng)
    if rng.random() < 0.3:
        field = field * 0.6 + PATTERNS[rng.integers(len(PATTERNS))](rng) * 0.4
    if rng.random() < 0.5:
        field = field + noise(rng, rng.uniform(0.7, 2)) * rng.uniform(0.02, 0.15)
    colours = palette(rng, int(rng.integers(2, 5)))
    if rng.random() < 0.35:
        kind = ("foliage", "ground", "wall")[rng.integers(3)]
        colours = np.stack([natural_colour(rng, kind) * rng.uniform(0.6, 1.3) for _ in colours])
    place = np.clip(field, 0, 1) * (len(colours) - 1)
    texture = np.stack([np.interp(place, np.arange(len(colours)), colours[:, c]) for c in range(3)], 2)
    if rng.random() < 0.3:
        texture = texture + noise(rng, rng.uniform(0.3, 1.5))[..., None] * rng.uniform(3, 25)
    return np.clip(texture, 0, 255).astype(np.uint8)


class TextureBank:
    """Ready textures, cut to random patches; `cache` is a .npy file made on first use, named for seed and count."""

    def __init__(self, seed: int = 0, count: int = 420, *, cache: Path | None = None) -> None:
        if cache is not None and cache.exists():
            self.textures = np.load(cache)
        else:
            self.textures = np.stack([make_texture(np.random.default_rng([seed, index])) for index in range(count)])
            if cache is not None:
                np.save(cache, self.textures)

    def patch(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        """A (height, width, 3) surface: plain, or cut from the bank at a random scale, tint and contrast."""
        if rng.random() < 0.14:
            plain = palette(rng, 1)[0].astype(np.float32) + rng.normal(0, 1.5, (height, width, 1)).astype(np.float32)
            return shade_linearly(rng, plain)
        picture = self.textures[rng.integers(len(self.textures))]
        side = int(math.exp(rng.uniform(math.log(28), math.log(SIDE * 0.95))))
        top, left = rng.integers(0, SIDE - side + 1, 2)
        cut = picture[top : top + side, left : left + side]
        cut = cut[:, ::-1].transpose(1, 0, 2) if rng.random() < 0.5 else cut
        how = cv2.INTER_LINEAR if side < max(height, width) else cv2.INTER_AREA
        patch = cv2.resize(np.ascontiguousarray(cut), (width, height), interpolation=how).astype(np.float32)
        if rng.random() < 0.4:
            patch = patch * rng.uniform(0.5, 1.2, 3).astype(np.float32) + np.float32(rng.uniform(-40, 70))
        if rng.random() < 0.35:
            patch = faded(patch, rng.uniform(0.05, 0.5), mean_colour(patch))
        return shade_linearly(rng, patch)

    def tinted(self, rng: np.random.Generator, height: int, width: int, colour: np.ndarray) -> np.ndarray:
        """A patch whose mean is `colour`: natural stuff keeps its hue, whatever texture was drawn."""
        patch = self.patch(rng, height, width)
        greyed = cv2.transform(patch, grey_mix(rng.uniform(0, 0.6)))
        return np.clip(faded(greyed, rng.uniform(0.15, 0.9), colour), 0, 255)


def mean_colour(patch: np.ndarray) -> np.ndarray:
    """The mean over rows and columns, (3,) float32."""
    return np.array(cv2.mean(patch)[:3], np.float32)


def faded(patch: np.ndarray, contrast: float, colour: np.ndarray) -> np.ndarray:
    """The patch with its contrast scaled and its mean moved to `colour`."""
    return patch * np.float32(contrast) + (colour - mean_colour(patch) * np.float32(contrast)).astype(np.float32)


def grey_mix(saturation: float) -> np.ndarray:
    """The (3, 3) matrix that keeps this share of the colour and replaces the rest by the channels' mean."""
    return (np.eye(3) * saturation + np.full((3, 3), (1 - saturation) / 3)).astype(np.float32)


def shade_linearly(rng: np.random.Generator, patch: np.ndarray) -> np.ndarray:
    """The patch, sometimes brighter toward one side."""
    if rng.random() < 0.3:
        height, width = patch.shape[:2]
        ramp = (
            np.linspace(-1, 1, width, dtype=np.float32)[None]
            if rng.random() < 0.5
            else np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        )
        patch = patch + ramp[..., None] * np.float32(rng.uniform(-50, 50))
    return np.clip(patch, 0, 255)
