"""Drawn scenes whose true masks are known."""

import numpy as np

HEIGHT, WIDTH = 180, 240


def grainy(colour: tuple[int, int, int], seed: int) -> np.ndarray:
    """A coloured surface with some noise: (H, W, 3) float."""
    noise = np.random.default_rng(seed).normal(0, 6, (HEIGHT, WIDTH, 1))
    return np.array(colour, float) + noise


def disc_scene() -> tuple[np.ndarray, np.ndarray]:
    """A red disc with a darker middle on a green ground beside a blue bar; the picture and the disc's mask."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(columns - 90, rows - 95)
    disc = away < 55
    picture = grainy((60, 140, 70), 0)
    picture = np.where((columns > 180)[..., None], grainy((50, 60, 170), 1), picture)
    picture = np.where(disc[..., None], grainy((190, 50, 50), 2), picture)
    picture = np.where((away < 22)[..., None], grainy((140, 40, 40), 3), picture)
    return np.clip(picture, 0, 255).astype(np.uint8), disc


def clover_scene() -> tuple[np.ndarray, np.ndarray]:
    """An object of three differently coloured lobes on a ground of stripes: one click cannot know it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    stripes = ((columns // 12) % 2 == 0)[..., None]
    picture = np.where(stripes, grainy((110, 120, 110), 4), grainy((140, 150, 140), 5))
    whole = np.zeros((HEIGHT, WIDTH), bool)
    lobes = [(80, 70, (190, 70, 60)), (140, 75, (70, 80, 180)), (110, 120, (60, 60, 60))]
    for seed, (x, y, colour) in enumerate(lobes):
        lobe = np.hypot(columns - x, rows - y) < 38
        picture = np.where(lobe[..., None], grainy(colour, 6 + seed), picture)
        whole |= lobe
    return np.clip(picture, 0, 255).astype(np.uint8), whole


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Of two bitmaps."""
    return float((one & other).sum() / (one | other).sum())
