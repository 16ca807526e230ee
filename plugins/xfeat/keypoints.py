"""Finds the peaks of a heat map, and their places between the pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

_RADIUS = 2
"""Pixels around a peak in which none is higher; also what its place between the pixels is taken from."""


def peaks(heat: Float32Array, threshold: float) -> tuple[IndexArray, IndexArray]:
    """Return the columns and rows of the pixels above a threshold that no pixel of their 5x5 neighbourhood exceeds.

    All of a plateau are returned.
    """
    side = 2 * _RADIUS + 1
    highest = cv2.dilate(heat, np.ones((side, side), np.uint8))
    # Three times as fast as np.nonzero in two dimensions.
    places = np.flatnonzero((heat >= highest) & (heat > threshold))
    rows, columns = np.divmod(places, heat.shape[1])
    return columns, rows


def masses(heat: Float32Array) -> Float32Array:
    """Return (H, W) sums over the 5x5 neighbourhood of each pixel; beyond the border there is nothing."""
    side = 2 * _RADIUS + 1
    sums = cv2.boxFilter(heat, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)


def centers_of_mass(heat: Float32Array, columns: IndexArray, rows: IndexArray) -> tuple[Float32Array, Float32Array]:
    """Return where the centre of mass of the 5x5 neighbourhood lies, as offsets from the peak in pixels."""
    padded = np.pad(heat, _RADIUS)
    line = np.arange(-_RADIUS, _RADIUS + 1)
    steps = (line[:, None] * padded.shape[1] + line).reshape(-1)
    centers = (rows + _RADIUS) * padded.shape[1] + columns + _RADIUS
    mass = padded.reshape(-1)[centers[:, None] + steps]
    total = mass.sum(axis=1)
    across, down = (np.float32(axis.reshape(-1)) for axis in np.meshgrid(line, line))
    return mass @ across / total, mass @ down / total
