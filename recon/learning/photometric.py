"""Changes of light, sensor and compression between two crops of one photo."""

from __future__ import annotations

import cv2
import numpy as np

from recon.core.arrays import FloatArray


def relit(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a (S, S) float32 image, 0 to 1, as another camera at another hour might have taken it.

    How much is changed varies from image to image: most photos of one set are alike, and what is precise in them
    would not be learnt from bad ones alone.
    """
    size, strength = image.shape[0], rng.random()
    if rng.random() < 0.6:
        image = _shaded(image, strength, rng)
    image = np.clip(image, 0, 1) ** np.float32(np.exp(strength * rng.uniform(-0.5, 0.5)))
    contrast, middle = np.exp(strength * rng.uniform(-0.6, 0.3)), 0.5 + strength * rng.uniform(-0.2, 0.2)
    image = (image - 0.5) * np.float32(contrast) + np.float32(middle)
    choice = rng.random()
    if choice < 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.3 + 0.9 * strength), np.float32)
    elif choice < 0.25:
        image = np.asarray(cv2.filter2D(image, -1, _streak(1 + 4 * strength, rng)), np.float32)
    if rng.random() < 0.6:
        noise = np.float32(0.02 * strength**2)
        image = image + rng.standard_normal((size, size), np.float32) * noise
    image = np.clip(image, 0, 1)
    if rng.random() < 0.25:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(95 - 50 * strength)]
        coded = cv2.imencode(".jpg", (image * 255).round().astype(np.uint8), quality)[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32) / 255
    return np.asarray(image, np.float32)


def _shaded(image: FloatArray, strength: float, rng: np.random.Generator) -> FloatArray:
    """Return the image under light that varies smoothly over it."""
    light = np.exp(strength * rng.uniform(-0.5, 0.5, (4, 4))).astype(np.float32)
    return np.asarray(image * cv2.resize(light, image.shape[::-1], interpolation=cv2.INTER_CUBIC))


def _streak(length: float, rng: np.random.Generator) -> FloatArray:
    """Return the kernel of a camera that moved that many pixels."""
    angle = rng.uniform(0, np.pi)
    path = np.linspace(-0.5, 0.5, 33)[:, None] * length * [np.cos(angle), np.sin(angle)]
    shares = np.maximum(0, 1 - np.abs(np.arange(-4, 5) - path[:, :, None]))  # of the pixels next to each place
    kernel = np.einsum("ni,nj->ij", shares[:, 1], shares[:, 0]).astype(np.float32)
    return np.asarray(kernel / kernel.sum())
