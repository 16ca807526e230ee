"""Positions in a photo as the extractor sees it, upright and resized, and in the sensor pixels as stored.

Both have COLMAP's origin, the centre of the top-left pixel at (0.5, 0.5), so that a resize is a plain
multiplication, and turning or mirroring maps x to the width less x.
"""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray, check_shape
from recon.core.data import ImageFile

_SIDEWAYS = frozenset({5, 6, 7, 8})
"""The EXIF orientations that swap width and height."""


def is_sideways(orientation: int) -> bool:
    """Return whether showing the photo upright swaps its width and height."""
    return orientation in _SIDEWAYS


def to_sensor_pixels(keypoints: FloatArray, seen_size: tuple[int, int], image: ImageFile) -> FloatArray:
    """Return where positions in the seen image lie on the sensor: undoes the resize and EXIF's orientation.

    Args:
        keypoints: (N, 2) pixels of the image that `load_image` returned.
        seen_size: Width and height of that image.

    Returns:
        (N, 2) float32 pixels of the photo as stored, COLMAP origin.
    """
    check_shape("keypoints", keypoints, (None, 2))
    width, height = seen_size
    x, y = np.asarray(keypoints, np.float64).T
    stored = {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (y, width - x),
        7: (height - y, width - x),
        8: (height - y, x),
    }[image.orientation]
    return (np.column_stack(stored) * _sensor_scale(seen_size, image)).astype(np.float32)


def from_sensor_pixels(keypoints: FloatArray, seen_size: tuple[int, int], image: ImageFile) -> FloatArray:
    """Return where positions on the sensor lie in the seen image: the inverse of `to_sensor_pixels`.

    Args:
        keypoints: (N, 2) pixels of the photo as stored, COLMAP origin.
        seen_size: Width and height of the image that `load_image` returned.

    Returns:
        (N, 2) float32 pixels of that image.
    """
    check_shape("keypoints", keypoints, (None, 2))
    width, height = seen_size
    x, y = (np.asarray(keypoints, np.float64) / _sensor_scale(seen_size, image)).T
    seen = {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (width - y, x),
        7: (width - y, height - x),
        8: (y, height - x),
    }[image.orientation]
    return np.column_stack(seen).astype(np.float32)


def _sensor_scale(seen_size: tuple[int, int], image: ImageFile) -> FloatArray:
    width, height = seen_size[::-1] if is_sideways(image.orientation) else seen_size
    return np.array([image.width / width, image.height / height])
