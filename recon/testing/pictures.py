"""Pictures for the contract: drawn from formulas, so that the true place of every mark is known exactly."""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.data import Image

MARKS = ("corner", "dot")
"""What an extractor may answer to: the crossing of two edges, or a small round spot. Both are symmetric, so
that an honest detector finds the centre."""

_SPACING_PX = 48
_BORDER_PX = 40


def textured_image(width: int = 320, height: int = 240, seed: int = 0, name: str = "textured.png") -> Image:
    """Return an image with structure at every scale, the same for the same seed."""
    random = np.random.default_rng(seed)
    values = np.zeros((height, width))
    for cell_px in (2, 4, 8, 16, 32, 64):
        rows, columns = height // cell_px + 2, width // cell_px + 2
        values += cell_px**0.5 * _enlarged(random.standard_normal((rows, columns)), cell_px)[:height, :width]
    spread = float(values.std()) or 1.0
    return _grey(name, 128 + 50 * (values - values.mean()) / spread)


def blank_image(value: int, width: int = 320, height: int = 240) -> Image:
    """Return an image of one grey value, 0 to 255."""
    return _grey(f"blank-{value}.png", np.full((height, width), float(value)))


def marked_image(mark: str, seed: int = 0, width: int = 512, height: int = 400) -> tuple[Image, FloatArray]:
    """Return an image of isolated marks at places between the pixels, and their centres.

    Args:
        mark: One of MARKS.

    Returns:
        The image, and (N, 2) pixels, the centre of the top-left pixel being (0.5, 0.5).
    """
    random = np.random.default_rng(seed)
    across = np.arange(_BORDER_PX, width - _BORDER_PX, _SPACING_PX)
    down = np.arange(_BORDER_PX, height - _BORDER_PX, _SPACING_PX)
    grid = np.stack(np.meshgrid(across, down), -1).reshape(-1, 2)
    centers = grid + random.uniform(0, 1, grid.shape)
    draw = _corner if mark == "corner" else _dot
    values = np.full((height, width), 128.0)
    for center_x, center_y in centers:
        top, left = int(center_y) - _BORDER_PX, int(center_x) - _BORDER_PX
        window = values[top : top + 2 * _BORDER_PX, left : left + 2 * _BORDER_PX]
        rows, columns = np.indices(window.shape)
        x, y = columns + left + 0.5 - center_x, rows + top + 0.5 - center_y
        window += random.choice((-1, 1)) * draw(x, y, random)
    return _grey(f"{mark}s.png", values), centers.astype(np.float32)


def _corner(x: FloatArray, y: FloatArray, random: np.random.Generator) -> FloatArray:
    """Return four quadrants, dark and bright in turn, that fade out around their crossing."""
    angle_rad, blur_px, radius_px = random.uniform(0, np.pi), 0.8, 8.0
    along = x * np.cos(angle_rad) + y * np.sin(angle_rad)
    across = y * np.cos(angle_rad) - x * np.sin(angle_rad)
    fade = np.exp(-(x**2 + y**2) / (2 * radius_px**2))
    return np.asarray(100 * np.tanh(along / blur_px) * np.tanh(across / blur_px) * fade)


def _dot(x: FloatArray, y: FloatArray, random: np.random.Generator) -> FloatArray:
    radius_px = random.uniform(1.5, 3.0)
    return np.asarray(110 * np.exp(-(x**2 + y**2) / (2 * radius_px**2)))


def _enlarged(values: FloatArray, factor: int) -> FloatArray:
    """Return `values` with linear interpolation, `factor` times as many but one cell in each direction."""
    for axis in (0, 1):
        positions = np.arange((values.shape[axis] - 1) * factor) / factor
        below = positions.astype(int)
        weights = np.expand_dims(positions - below, 1 - axis)
        values = values.take(below, axis) * (1 - weights) + values.take(below + 1, axis) * weights
    return values


def _grey(name: str, values: FloatArray) -> Image:
    pixels: UInt8Array = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return Image(name, np.repeat(pixels[:, :, None], 3, axis=2))
