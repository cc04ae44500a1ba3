"""How strongly colour and texture change at every pixel.

Each pixel becomes a soft histogram over lightness, two colour axes and local contrast; an edge is where the histograms
of the two sides differ. Source: Martin, Fowlkes, Malik, 'Learning to detect natural image boundaries', PAMI 2004
(half-disc histogram differences). Here the two halves are weighed by a Gaussian and taken across and down only; the
strongest direction follows from the larger eigenvalue of the 2 x 2 structure tensor, so that filters stay separable.
"""

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
EDGE_SCALE = 0.56  # brings the strength to the scale of the histogram distance that it is added to


def _soft_bins(count: int, low: float, high: float) -> FloatArray:
    """(256, count) float32: the share of each 8-bit value in each bin; rows sum to 1."""
    place = np.clip((np.arange(256) - low) / (high - low), 0, 1) * (count - 1)
    return np.clip(1 - np.abs(place[:, None] - np.arange(count)), 0, 1).astype(np.float32)


SOFT_BINS = tuple(_soft_bins(*bins) for bins in BINS)
CONTRAST = np.clip(np.log1p(np.arange(256) * (100 / 255)) / 3 * 255, 0, 255).astype(np.uint8)


def soft_histograms(pixels: UInt8Array) -> tuple[FloatArray, ...]:
    """Of each pixel its soft histogram over lightness, a, b and local contrast.

    pixels: (H, W, 3) uint8 RGB. Returns four (H, W, bins) float32, each summing to 1 over its bins.
    """
    lab = cast("UInt8Array", cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), 0.7), cv2.COLOR_RGB2LAB))
    lightness = np.ascontiguousarray(lab[..., 0])
    around = np.asarray(cv2.GaussianBlur(lightness, (0, 0), CONTRAST_RADIUS), np.uint8)
    contrast = CONTRAST[np.asarray(cv2.absdiff(lightness, around), np.uint8)]
    planes = (lightness, lab[..., 1], lab[..., 2], contrast)
    return tuple(bins[plane] for bins, plane in zip(SOFT_BINS, planes, strict=True))


def edge_strength(pixels: UInt8Array, histograms: tuple[FloatArray, ...]) -> FloatArray:
    """(H, W) float32, 0 in flat places, around 1 at strong borders; fine and coarse scale averaged.

    pixels: (H, W, 3) uint8 RGB; histograms: `soft_histograms(pixels)`.
    """
    height, width = pixels.shape[:2]
    half = cast("UInt8Array", cv2.resize(pixels, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA))
    coarse = _steered(soft_histograms(half), COARSE_SIGMA / 2)
    fine = _steered(histograms, FINE_SIGMA)
    return (fine + cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)) * np.float32(EDGE_SCALE)


def _steered(histograms: tuple[FloatArray, ...], sigma: float) -> FloatArray:
    """Root of the larger eigenvalue of the structure tensor summed over all histogram bins: (H, W) float32."""
    along, across = _half_discs(sigma)
    xx = yy = xy = np.float32(0)
    for bins in histograms:
        dx = cv2.sepFilter2D(bins, cv2.CV_32F, along, across, borderType=cv2.BORDER_REFLECT)
        dy = cv2.sepFilter2D(bins, cv2.CV_32F, across, along, borderType=cv2.BORDER_REFLECT)
        xx = xx + np.einsum("ijk,ijk->ij", dx, dx)
        yy = yy + np.einsum("ijk,ijk->ij", dy, dy)
        xy = xy + np.einsum("ijk,ijk->ij", dx, dy)
    mean, difference = (xx + yy) / 2, (xx - yy) / 2
    return np.sqrt(mean + np.sqrt(difference * difference + xy * xy)).astype(np.float32)


def _half_discs(sigma: float) -> tuple[FloatArray, FloatArray]:
    """A steep step under a Gaussian, whose halves weigh 1 each, and the Gaussian."""
    radius = int(np.ceil(3 * sigma))
    x = np.arange(-radius, radius + 1)
    gaussian = np.exp(-(x**2) / (2 * sigma**2))
    step = np.tanh(x) * gaussian
    return (step / np.abs(step).sum() * 2).astype(np.float32), (gaussian / gaussian.sum()).astype(np.float32)
