"""Small pictures of many photos on one sheet, which a window lays into the frusta as one texture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array

SHEET_SIDE_PX = 4096
"""Every graphics driver takes a texture of this size."""
MOST_PX = 320
"""Longer side of a picture, where there are few."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSheet:
    """Pictures in rows and columns."""

    pixels: UInt8Array
    """(H, W, 3) uint8 RGB."""

    cells: FloatArray
    """(M, 4) left, top, right, bottom of each photo's picture, from 0 to 1; NaN where there is none."""


def picture_side(num_photos: int) -> int:
    """Return how long the longer side of a picture may be for so many to fit on a sheet."""
    return min(MOST_PX, SHEET_SIDE_PX // max(_columns(num_photos), 1))


def lay_out(pictures: Sequence[UInt8Array | None]) -> PhotoSheet:
    """Put (H, W, 3) pictures of the `picture_side` on one sheet; None leaves its cell without one."""
    there = [picture for picture in pictures if picture is not None]
    cells = np.full((len(pictures), 4), np.nan)
    if not there:
        return PhotoSheet(np.zeros((1, 1, 3), np.uint8), cells)
    height, width = (max(picture.shape[axis] for picture in there) for axis in (0, 1))
    columns = _columns(len(there))
    rows = -(-len(there) // columns)
    pixels = np.zeros((rows * height, columns * width, 3), np.uint8)
    place = 0
    for number, picture in enumerate(pictures):
        if picture is None:
            continue
        top, left = place // columns * height, place % columns * width
        bottom, right = top + picture.shape[0], left + picture.shape[1]
        pixels[top:bottom, left:right] = picture
        # Half a pixel inside, so that no neighbour shines in.
        cells[number] = (left + 0.5, top + 0.5, right - 0.5, bottom - 0.5)
        place += 1
    cells /= np.array([pixels.shape[1], pixels.shape[0]] * 2)
    return PhotoSheet(pixels, cells)


def _columns(count: int) -> int:
    return int(np.ceil(np.sqrt(count)))
