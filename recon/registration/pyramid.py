"""Grey images at several sizes, and their values between pixels.

Positions are always pixels of the full image with COLMAP's origin; a level knows its own scale. Values are float32,
0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.core.data import Image
from recon.registration.planar import Float64Array

Float32Array = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
_MARGIN = 2
"""Pixels of a level at its edge of which bicubic interpolation knows too little."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """A grey image at one size."""

    grey: Float32Array
    """(H, W) float32."""
    is_valid: BoolArray
    """(H, W): not masked, and far enough from what is."""
    scale: tuple[float, float]
    """Pixels of this level to a pixel of the full image, in x and y."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.grey.shape[1], self.grey.shape[0]

    def blurred(self, sigma: float) -> Level:
        """Return the level blurred by a Gaussian of `sigma` of its pixels; 0 leaves it as it is."""
        if sigma <= 0:
            return self
        import cv2

        valid = self.is_valid
        if not valid.all():
            reach = 2 * int(np.ceil(2 * sigma)) + 1
            valid = cv2.erode(valid.astype(np.uint8), np.ones((reach, reach), np.uint8), borderValue=1) > 0
        blurred = cv2.GaussianBlur(self.grey, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
        return Level(np.asarray(blurred, np.float32), valid, self.scale)

    def positions(self) -> Float64Array:
        """Return (H * W, 2): where the centres of the pixels lie in the full image, row by row."""
        width, height = self.size
        x, y = np.meshgrid((np.arange(width) + 0.5) / self.scale[0], (np.arange(height) + 0.5) / self.scale[1])
        return np.column_stack([x.ravel(), y.ravel()])

    def gradients(self) -> Float32Array:
        """Return (H, W, 2): the change in x and in y of a pixel of the full image, by central differences."""
        x = np.gradient(self.grey, axis=1) * np.float32(self.scale[0])
        y = np.gradient(self.grey, axis=0) * np.float32(self.scale[1])
        return np.stack([x, y], axis=-1).astype(np.float32)

    def contains(self, xy: Float64Array) -> BoolArray:
        """Return (N,): whether a position of the full image lies where this level has valid values around it."""
        column, row = self._in_level(xy)
        width, height = self.size
        with np.errstate(invalid="ignore"):
            inside = (column >= _MARGIN) & (column <= width - 1 - _MARGIN)
            inside &= (row >= _MARGIN) & (row <= height - 1 - _MARGIN)
        if not self.is_valid.all():
            columns, rows = np.rint(column[inside]).astype(np.intp), np.rint(row[inside]).astype(np.intp)
            inside[inside] = self.is_valid[rows, columns]
        return inside

    def sample(self, xy: Float64Array) -> Float32Array:
        """Return (N,) values at positions of the full image, by cubic interpolation (Catmull-Rom).

        OpenCV's own rounds positions to 1/32 pixel, which would be the accuracy of everything made of it.
        """
        column, row = self._in_level(xy)
        width, height = self.size
        first_column, first_row = np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)
        across = _cubic((column - first_column).astype(np.float32))
        down = _cubic((row - first_row).astype(np.float32))
        columns = [np.clip(first_column + shift, 0, width - 1) for shift in (-1, 0, 1, 2)]
        flat = self.grey.ravel()
        values: Float32Array = np.zeros(len(column), np.float32)
        for shift, weight in zip((-1, 0, 1, 2), down, strict=True):
            start = np.clip(first_row + shift, 0, height - 1) * width
            line = across[0] * flat[start + columns[0]]
            for at, share in zip(columns[1:], across[1:], strict=True):
                line += share * flat[start + at]
            values += weight * line
        return values

    def _in_level(self, xy: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return column and row, whole numbers at the centres of pixels."""
        column, row = xy[:, 0] * self.scale[0] - 0.5, xy[:, 1] * self.scale[1] - 0.5
        # What lies beyond the horizon is as far outside as anything else.
        return np.nan_to_num(column, nan=-1e6, posinf=1e6, neginf=-1e6).clip(-1e6, 1e6), np.nan_to_num(
            row, nan=-1e6, posinf=1e6, neginf=-1e6
        ).clip(-1e6, 1e6)


def _cubic(share: Float32Array) -> tuple[Float32Array, ...]:
    """Return the weights of the pixels at -1, 0, 1, 2 for a position that far beyond pixel 0."""
    t, t2 = share, share * share
    t3 = t2 * t
    half = np.float32(0.5)
    return (
        half * (-t3 + 2 * t2 - t),
        half * (3 * t3 - 5 * t2 + 2),
        half * (-3 * t3 + 4 * t2 + t),
        half * (t3 - t2),
    )


def make_pyramid(image: Image, num_levels: int) -> list[Level]:
    """Return the levels of an image, each about half as wide as the one before, the full size first."""
    import cv2

    grey = np.asarray(cv2.cvtColor(image.pixels.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
    valid = np.ones(grey.shape, bool) if image.mask is None else image.mask > 0
    levels = [Level(grey, valid, (1.0, 1.0))]
    width, height = image.size
    for _ in range(1, num_levels):
        previous = levels[-1]
        size = max(1, (previous.size[0] + 1) // 2), max(1, (previous.size[1] + 1) // 2)
        smaller = cv2.resize(previous.grey, size, interpolation=cv2.INTER_AREA)
        share = cv2.resize(previous.is_valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        levels.append(Level(np.asarray(smaller), np.asarray(share) > 0.99, (size[0] / width, size[1] / height)))
    return levels


def num_levels_for(sizes: Sequence[tuple[int, int]], least_side: int) -> int:
    """Return how often images can be halved until a side is shorter than `least_side`; at least 1."""
    shortest = min(min(size) for size in sizes)
    return max(1, int(np.floor(np.log2(max(1.0, shortest / least_side)))) + 1)
