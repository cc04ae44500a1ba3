"""Drawings as the network is shown them, with what is asked about them."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from benchmarks.golden.drawings import draw
from torch import Tensor

from rubylith.engine.frames import MEAN, STD

FINER = 2  # pixels of a label map per pixel of the square, along each side
SMALLEST = 12  # pixels of the square that must be seen of a shape that is asked for
PADDING = 255  # as a label: not part of the drawing


@dataclass(frozen=True)
class Pool:
    """N drawings on the square, top left. pixels: (N, S, S, 3) uint8. labels: (N, FINER * S, FINER * S) uint8."""

    pixels: np.ndarray
    labels: np.ndarray


def draw_pool(rng: np.random.Generator, count: int, size: int) -> Pool:
    """Fresh drawings of random proportions on a square of `size`, drawn larger and reduced."""
    pixels = np.zeros((count, size, size, 3), np.uint8)
    labels = np.full((count, FINER * size, FINER * size), PADDING, np.uint8)
    for index in range(count):
        times = FINER * int(rng.integers(1, 4))
        long, short = size, int(rng.integers(size * 5 // 8, size + 1))
        height, width = (short, long) if rng.random() < 0.7 else (long, short)
        drawing = draw(rng, times * height, times * width)
        pixels[index, :height, :width] = cv2.resize(drawing.pixels, (width, height), interpolation=cv2.INTER_AREA)
        step = times // FINER
        labels[index, : FINER * height, : FINER * width] = drawing.labels[step // 2 :: step, step // 2 :: step]
    return Pool(pixels, labels)


@dataclass(frozen=True)
class Batch:
    """B drawings with K prompts each; pixels of the square.

    pixels: (B, 3, S, S) normalised. truth: (B, K, S, S). points and boxes: (B, K, 2) and (B, K, 4) XYXY, of
    the same objects.
    """

    pixels: Tensor
    truth: Tensor
    points: Tensor
    boxes: Tensor


def make_batch(rng: np.random.Generator, pool: Pool, chosen: np.ndarray, prompts: int) -> Batch:
    """The chosen drawings turned over and recoloured at random, and something to ask for in each."""
    count, size = len(chosen), pool.pixels.shape[1]
    pixels, truth = np.zeros((count, size, size, 3), np.float32), np.zeros((count, prompts, size, size), np.float32)
    points, boxes = np.zeros((count, prompts, 2), np.float32), np.zeros((count, prompts, 4), np.float32)
    for b, index in enumerate(chosen):
        colours, labels = _varied(rng, pool.pixels[index], pool.labels[index])
        height, width = colours.shape[:2]
        pixels[b, :height, :width] = (colours / np.float32(255) - MEAN) / STD
        areas = np.bincount(labels.ravel())
        shapes = 1 + np.flatnonzero(areas[1:] >= SMALLEST * FINER**2)
        for p in range(prompts):
            label = 0 if rng.random() < 0.08 or not shapes.size else int(rng.choice(shapes))
            shape = (labels == label).astype(np.uint8)
            covered = shape.reshape(height, FINER, width, FINER).mean((1, 3))
            truth[b, p, :height, :width] = covered
            points[b, p], boxes[b, p] = _click(rng, shape), _box(rng, shape)
    as_input = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return Batch(*(torch.from_numpy(array) for array in (as_input, truth, points, boxes)))


def _varied(rng: np.random.Generator, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flipped, turned, with exchanged and negated colours; without padding."""
    height, width = (int(n) // FINER for n in ((labels[:, 0] != PADDING).sum(), (labels[0] != PADDING).sum()))
    pixels, labels = pixels[:height, :width, rng.permutation(3)], labels[: FINER * height, : FINER * width]
    for axis in (0, 1):
        if rng.random() < 0.5:
            pixels, labels = np.flip(pixels, axis), np.flip(labels, axis)
    if rng.random() < 0.3:
        pixels, labels = pixels.transpose(1, 0, 2), labels.T
    return np.abs(rng.integers(0, 2, 3) * 255 - pixels.astype(np.int32)), labels


def _click(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """A random place inside, half of the time in the inner half. (2,) float x, y of the square."""
    if rng.random() < 0.5:
        depth = cv2.distanceTransform(shape, cv2.DIST_L2, 3)
        shape = depth >= depth.max() * 0.5
    inside = np.flatnonzero(shape)
    row, column = divmod(int(rng.choice(inside)), shape.shape[1]) if inside.size else (0, 0)
    return (np.array([column, row], np.float32) + 0.5) / FINER


def _box(rng: np.random.Generator, shape: np.ndarray) -> np.ndarray:
    """The tight box with each edge moved by up to a twentieth of its side. (4,) float XYXY of the square."""
    x, y, width, height = cv2.boundingRect(shape)
    moved = rng.normal(0, 0.02, 4).clip(-0.05, 0.05) * [width, height, width, height]
    return (np.array([x, y, x + width, y + height], np.float32) + moved.astype(np.float32)) / FINER
