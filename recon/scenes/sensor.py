"""From light to the numbers of a photo file: lens shading and blur, exposure, noise, tone curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.scenes.camera import Camera


@dataclass(frozen=True, slots=True)
class Sensor:
    """How one photo was taken."""

    seed: int
    """Of the noise."""
    exposure: float = 1.0
    warmth: float = 0.0
    """White balance: red up and blue down by this share."""
    full_well: float = 6000.0
    """Electrons at white: fewer make more shot noise."""
    read_noise: float = 6.0
    """Electrons."""
    blur_px: float = 0.45
    """Standard deviation of lens and focus."""
    vignetting: float = 0.3
    """Loss of light in the corners."""


def develop(radiance: FloatArray, camera: Camera, sensor: Sensor) -> UInt8Array:
    """Return the (H, W, 3) photo of (H, W, 3) light."""
    import cv2

    light = np.asarray(cv2.GaussianBlur(radiance.astype(np.float32), (0, 0), sensor.blur_px), np.float32)
    light *= np.array([1.0 + sensor.warmth, 1.0, 1.0 - sensor.warmth], np.float32) * np.float32(sensor.exposure)
    light *= _shading(camera, sensor.vignetting)[:, :, None]
    random = np.random.default_rng((sensor.seed, 31))
    electrons = np.clip(light, 0.0, None) * np.float32(sensor.full_well)
    sigma = np.sqrt(electrons + np.float32(sensor.read_noise**2))
    electrons += sigma * random.standard_normal(electrons.shape, np.float32)
    return _tone(np.clip(electrons / np.float32(sensor.full_well), 0.0, None))


def _shading(camera: Camera, loss: float) -> FloatArray:
    x = np.arange(camera.width) - camera.matrix[0, 2]
    y = np.arange(camera.height) - camera.matrix[1, 2]
    square = (x[None, :] ** 2 + y[:, None] ** 2) / (camera.width**2 + camera.height**2) * 4.0
    return np.asarray(1.0 - loss * np.clip(square, 0.0, 1.0), np.float32)


def _tone(light: FloatArray) -> UInt8Array:
    """Return sRGB bytes; highlights roll off instead of clipping."""
    rolled = np.where(light < 0.7, light, 0.7 + 0.3 * (1.0 - np.exp(-(light - 0.7) / 0.3)))
    return (np.clip(rolled, 0.0, 1.0) ** (1.0 / 2.2) * 255.0 + 0.5).astype(np.uint8)
