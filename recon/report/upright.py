"""Places in photos as people see them: upright, from 0 to 1 across and down."""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.data import ImageFile
from recon.matching.orientation import from_sensor_pixels

QUARTER_TURNS = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3, 6: 1, 7: 1, 8: 3}
"""How often a photo is turned clockwise to be upright, by EXIF orientation; sensor pixels are not mirrored."""


def upright_places(positions: FloatArray, size: tuple[int, int], orientation: int) -> FloatArray:
    """Return (N, 2) places from 0 to 1 in the upright photo.

    Args:
        positions: (N, 2) sensor pixels, COLMAP origin.
        size: Width and height of the photo as stored.
        orientation: EXIF's, 1 to 8.
    """
    from pathlib import Path

    photo = ImageFile("", Path(), *size, orientation)
    return from_sensor_pixels(np.asarray(positions, np.float32).reshape(-1, 2), (1, 1), photo)
