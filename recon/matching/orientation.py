"""Positions in a photo as the extractor sees it, upright and resized, and in its sensor pixels.

Both have COLMAP's origin, the centre of the top-left pixel at (0.5, 0.5), so that a resize is a plain
multiplication, and turning or mirroring maps x to the width less x.

Sensor pixels are those that the file stores. Where EXIF says that they are stored mirrored (orientations 2, 4, 5
and 7), they are mirrored back, left to right: no camera in space sees a mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recon.core.arrays import FloatArray, check_shape
from recon.core.data import ImageFile

_SIDEWAYS = frozenset({5, 6, 7, 8})
"""The EXIF orientations that swap width and height."""

MIRRORED = {2: 1, 4: 3, 5: 8, 7: 6}
"""The EXIF orientations of photos stored mirrored, and how these lie once that is undone."""


def is_sideways(orientation: int) -> bool:
    """Return whether showing the photo upright swaps its width and height."""
    return orientation in _SIDEWAYS


def orientation_on_sensor(orientation: int) -> int:
    """Return the orientation in which to load a photo to see its sensor pixels: not turned, and not mirrored."""
    return 2 if orientation in MIRRORED else 1


def describe_mirrored(images: Sequence[ImageFile]) -> str | None:
    """Return what to tell the user of photos that are stored mirrored; None where there are none."""
    names = [image.name for image in images if image.orientation in MIRRORED]
    if not names:
        return None
    some = ", ".join(names[:3]) + (f", and {len(names) - 3} more" if len(names) > 3 else "")
    who = f"{len(names)} photos are" if len(names) > 1 else "1 photo is"
    return (
        f"{who} stored mirrored, by EXIF's orientation ({some}): that is undone, left to right, before anything is "
        "measured in pixels"
    )


_CLOCKWISE = ((1, 6, 3, 8), (2, 7, 4, 5))
"""EXIF orientations, each a quarter turn clockwise from the one before: as taken, and mirrored."""


def turned_clockwise(orientation: int, quarter_turns: int) -> int:
    """Return the EXIF orientation under which a photo is shown turned further than it was."""
    cycle = next(cycle for cycle in _CLOCKWISE if orientation in cycle)
    return cycle[(cycle.index(orientation) + quarter_turns) % len(cycle)]


def to_sensor_pixels(keypoints: FloatArray, seen_size: tuple[int, int], image: ImageFile) -> FloatArray:
    """Return where positions in the seen image lie on the sensor: undoes the resize and EXIF's orientation.

    Args:
        keypoints: (N, 2) pixels of the image that `load_image` returned.
        seen_size: Width and height of that image.

    Returns:
        (N, 2) float32 sensor pixels, COLMAP origin.
    """
    check_shape("keypoints", keypoints, (None, 2))
    width, height = seen_size
    x, y = np.asarray(keypoints, np.float64).T
    stored = {
        1: (x, y),
        3: (width - x, height - y),
        6: (y, width - x),
        8: (height - y, x),
    }[MIRRORED.get(image.orientation, image.orientation)]
    return (np.column_stack(stored) * _sensor_scale(seen_size, image)).astype(np.float32)


def from_sensor_pixels(keypoints: FloatArray, seen_size: tuple[int, int], image: ImageFile) -> FloatArray:
    """Return where positions on the sensor lie in the seen image: the inverse of `to_sensor_pixels`.

    Args:
        keypoints: (N, 2) sensor pixels, COLMAP origin.
        seen_size: Width and height of the image that `load_image` returned.

    Returns:
        (N, 2) float32 pixels of that image.
    """
    check_shape("keypoints", keypoints, (None, 2))
    width, height = seen_size
    x, y = (np.asarray(keypoints, np.float64) / _sensor_scale(seen_size, image)).T
    seen = {
        1: (x, y),
        3: (width - x, height - y),
        6: (width - y, x),
        8: (y, height - x),
    }[MIRRORED.get(image.orientation, image.orientation)]
    return np.column_stack(seen).astype(np.float32)


def _sensor_scale(seen_size: tuple[int, int], image: ImageFile) -> FloatArray:
    width, height = seen_size[::-1] if is_sideways(image.orientation) else seen_size
    return np.array([image.width / width, image.height / height])
