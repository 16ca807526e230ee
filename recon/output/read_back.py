"""What an export says once it is read back, whatever the format, in the model's own frame and axes.

The readers follow each format's published description and share no code with the writers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array

Projection = Callable[[FloatArray], FloatArray]
"""(N, 3) positions in the camera's frame, OpenCV axes, to (N, 2) pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadView:
    """One photo of an export."""

    name: str

    cam_from_world: FloatArray
    """(3, 4), OpenCV axes."""

    project: Projection | None = None
    """None where the format holds no exact lens."""

    unproject: Projection | None = None
    """(N, 2) pixels to (N, 2) at depth 1; given where the pixels are those of an undistorted photo."""

    keypoints: FloatArray | None = None
    """(N, 2) in the pixels of `project`: where this photo sees points; None where the format does not say."""

    point_rows: IntArray | None = None
    """(N,) which points those are, as rows of `ReadBack.points`."""

    size: tuple[int, int] | None = None
    """Width and height that the export says its photo has."""

    photo: Path | None = None
    """The photo's own file in the export, where the format has one."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadBack:
    """The content of an export."""

    reader: str
    """Who read it, in a few words."""

    views: tuple[ReadView, ...] | None
    """None for a format without cameras."""

    points: FloatArray | None = None
    """(P, 3) by ascending point id of the model; None for a format without points."""

    colors: UInt8Array | None = None
    """(P, 3) RGB."""

    approximates: str = ""
    """What the format cannot hold exactly, in one sentence."""

    max_error_difference_px: float = field(default=1e-3)
    """How far the mean reprojection error of the file may lie from the model's."""


class UnreadableExport(Exception):
    """The file is not what its format's description asks for."""


def rotation_of_quaternion(w: float, x: float, y: float, z: float) -> FloatArray:
    """Return the (3, 3) rotation of a quaternion of any length but 0."""
    vector = np.array([x, y, z], np.float64)
    cross = np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)], np.float64)
    rotation: FloatArray = ((w * w - vector @ vector) * np.eye(3) + 2 * np.outer(vector, vector) + 2 * w * cross) / (
        w * w + vector @ vector
    )
    return rotation
