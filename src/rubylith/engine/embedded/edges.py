"""How strongly colour and texture change at every pixel.

Each pixel becomes a soft histogram over lightness, two colour axes and local contrast; an edge is where the histograms
of the two sides differ. Source: Martin, Fowlkes, Malik, 'Learning to detect natural image boundaries', PAMI 2004
(half-disc histogram differences). Here the two halves are weighed by a Gaussian and taken across and down only; the
strongest direction follows from the larger eigenvalue of the 2 x 2 structure tensor, so that filters stay separable.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

FINE_SIGMA, COARSE_SIGMA = 2.0, 5.0  # pixels; the coarse scale is computed at half size
CONTRAST_RADIUS = 2.0  # sigma in pixels of the mean that local contrast is measured against
# 8-bit Lab: number of bins and the values between which photographs lie
BINS = ((8, 0.0, 255.0), (7, 78.0, 188.0), (7, 78.0, 198.0), (5, 0.0, 255.0))
THREADS = 2  # planes are filtered side by side, by no more than that
EDGE_SCALE = 0.56  # brings the strength to the scale of the histogram distance that it is added to


def _soft_bins(count: int, low: float, high: float) -> FloatArray:
    """(256, count) float32: the share of each 8-bit value in each bin; rows sum to 1."""
    place = np.clip((np.arange(256) - low) / (high - low), 0, 1) * (count - 1)
    return np.clip(1 - np.abs(place[:, None] - np.arange(count)), 0, 1).astype(np.float32)


SOFT_BINS = tuple(_soft_bins(*bins) for bins in BINS)
CONTRAST = np.clip(np.log1p(np.arange(256) * (100 / 255)) / 3 * 255, 0, 255).astype(np.uint8)


def planes_of(pixels: UInt8Array) -> tuple[UInt8Array, ...]:
    """Lightness, a, b and local contrast of each pixel: four (H, W) uint8. pixels: (H, W, 3) uint8 RGB."""
    lab = cast("UInt8Array", cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), 0.7), cv2.COLOR_RGB2LAB))
    lightness, a, b = (np.ascontiguousarray(lab[..., channel]) for channel in range(3))
    around = np.asarray(cv2.GaussianBlur(lightness, (0, 0), CONTRAST_RADIUS), np.uint8)
    return lightness, a, b, CONTRAST[np.asarray(cv2.absdiff(lightness, around), np.uint8)]


def edge_strength(pixels: UInt8Array, planes: tuple[UInt8Array, ...] | None, threads: int | None = None) -> FloatArray:
    """(H, W) float32, 0 in flat places, around 1 at strong borders; fine and coarse scale averaged.

    pixels: (H, W, 3) uint8 RGB; planes: `planes_of(pixels)`, or None to see both scales at half the picture's size,
    which takes a third of the time and rounds the finest corners. threads: at most so many, of THREADS.
    """
    height, width = pixels.shape[:2]
    half = cv2.resize(pixels, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    coarse = planes_of(cast("UInt8Array", half))
    fine = (coarse, FINE_SIGMA / 2) if planes is None else (planes, FINE_SIGMA)
    scales = fine, (coarse, COARSE_SIGMA / 2)
    with ThreadPoolExecutor(min(threads or THREADS, THREADS)) as pool:
        tensors = [
            [pool.submit(_tensor, plane, bins, sigma) for plane, bins in zip(of_scale, SOFT_BINS, strict=True)]
            for of_scale, sigma in scales
        ]
        sharp, soft = (_strongest([tensor.result() for tensor in of_scale]) for of_scale in tensors)
    large = [one if one.shape == (height, width) else _enlarged(one, height, width) for one in (sharp, soft)]
    return (large[0] + large[1]) * np.float32(EDGE_SCALE)


def _enlarged(strength: FloatArray, height: int, width: int) -> FloatArray:
    return cast("FloatArray", cv2.resize(strength, (width, height), interpolation=cv2.INTER_LINEAR))


def _tensor(plane: UInt8Array, soft_bins: FloatArray, sigma: float) -> FloatArray:
    """The structure tensor of one plane, summed over its histogram's bins: xx, yy and xy, (3, H, W) float32."""
    along, across = _half_discs(sigma)
    bins = np.take(soft_bins, plane, axis=0, mode="clip")  # (H, W, bins)
    dx = cv2.sepFilter2D(bins, cv2.CV_32F, along, across, borderType=cv2.BORDER_REFLECT)
    dy = cv2.sepFilter2D(bins, cv2.CV_32F, across, along, borderType=cv2.BORDER_REFLECT)
    return np.stack([np.einsum("ijk,ijk->ij", *pair) for pair in ((dx, dx), (dy, dy), (dx, dy))])


def _strongest(tensors: Sequence[FloatArray]) -> FloatArray:
    """Root of the larger eigenvalue of the tensors' sum: (H, W) float32."""
    xx, yy, xy = np.stack(tensors).sum(axis=0)
    mean, difference = (xx + yy) / 2, (xx - yy) / 2
    return np.sqrt(mean + np.sqrt(difference * difference + xy * xy)).astype(np.float32)


def _half_discs(sigma: float) -> tuple[FloatArray, FloatArray]:
    """A steep step under a Gaussian, whose halves weigh 1 each, and the Gaussian."""
    radius = int(np.ceil(3 * sigma))
    x = np.arange(-radius, radius + 1)
    gaussian = np.exp(-(x**2) / (2 * sigma**2))
    step = np.tanh(x) * gaussian
    return (step / np.abs(step).sum() * 2).astype(np.float32), (gaussian / gaussian.sum()).astype(np.float32)
