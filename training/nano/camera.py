"""What a camera does to a scene: light, shadow, lens, exposure, noise, JPEG."""

from __future__ import annotations

import math

import cv2
import numpy as np

from training.nano.shapes import blob
from training.nano.textures import noise


def photograph(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The scene (H, W, 3) float32 as a photograph, uint8."""
    image = expose(rng, light(rng, image))
    image = lens(rng, image)
    if rng.random() < 0.55:
        grain = rng.normal(0, rng.uniform(1, 10), (*image.shape[:2], 3 if rng.random() < 0.6 else 1)).astype(np.float32)
        image = image + grain
    photo = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.45:
        quality = int(rng.integers(30, 95))
        photo = cv2.imdecode(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return photo


def light(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Uneven light, and sometimes a shadow that falls across the whole scene."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        image = image * (1 + rng.uniform(0.05, 0.25) * cv2.resize(noise(rng, 2.2, side=64), (width, height)))[..., None]
    if rng.random() < 0.25:
        cast = cv2.GaussianBlur(
            cv2.resize(blob(rng, 96), (width, height)).astype(np.float32), (0, 0), rng.uniform(1, 9)
        )
        image = image * (1 - rng.uniform(0.2, 0.55) * cast)[..., None]
    if rng.random() < 0.2:
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        image = image * (1 - rng.uniform(0.1, 0.4) * (x * x + y * y) / 2)[..., None]
    return image


def expose(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Automatic exposure, white balance, contrast curve, saturation and haze."""
    mean = float(image.mean())
    image = image * np.float32(
        np.clip(rng.uniform(70, 150) / (mean + 1), 0.7, 4) if mean < 60 or rng.random() < 0.3 else 1
    )
    if rng.random() < 0.5:
        image = image * rng.uniform(0.8, 1.15, 3).astype(np.float32)
    if rng.random() < 0.4:
        image = 255 * (np.clip(image, 0, 255) / 255) ** np.float32(math.exp(rng.normal(0, 0.3)))
    if rng.random() < 0.35:
        grey = image.mean(2, keepdims=True)
        image = grey + (image - grey) * np.float32(rng.uniform(0.2, 1.4))
    if rng.random() < 0.2:
        image = image * np.float32(rng.uniform(0.5, 0.9)) + np.float32(rng.uniform(10, 90))
    return image


def lens(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Softness, motion blur or sharpening halos."""
    kind = rng.random()
    if kind < 0.5:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3))
    if kind < 0.6:
        return cv2.blur(image, (int(rng.integers(1, 5)), int(rng.integers(1, 5))))
    if kind < 0.72:
        return image + (image - cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 2))) * np.float32(
            rng.uniform(0.3, 1.2)
        )
    return image
