"""True poses of a photo set, whatever format they come in, with `x_cam = R X + t` and OpenCV's axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, ReconError

_ROTATION_TOLERANCE = 1e-3
"""How far R R^T may be from the identity: truth comes with four digits and more."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a photo was taken, `cam_from_world`."""

    rotation: FloatArray
    """(3, 3) float64, world to camera."""

    translation: FloatArray
    """(3,) float64, in the truth's units."""

    @classmethod
    def from_world(cls, rotation: FloatArray, center: FloatArray) -> Pose:
        """Return the pose of a camera whose axes in the world are the columns of `rotation`, at `center`."""
        return cls(rotation.T, -rotation.T @ center)

    @property
    def center(self) -> FloatArray:
        """(3,) the projection centre in the world."""
        center: FloatArray = -self.rotation.T @ self.translation
        return center


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The true poses of a photo set, by image name; a name without a suffix means the photo of that stem."""

    path: Path
    poses: Mapping[str, Pose]

    def __post_init__(self) -> None:
        if len(self.poses) < 2:
            raise bad_truth(self.path, f"{len(self.poses)} images in it, and a pose error needs a pair")


def is_rotation(matrix: FloatArray) -> bool:
    """Whether a (3, 3) matrix is a rotation, to the digits that truth comes with."""
    off = np.abs(matrix @ matrix.T - np.eye(3)).max()
    return bool(np.isfinite(off) and off <= _ROTATION_TOLERANCE and np.linalg.det(matrix) > 0)


def bad_truth(path: Path, reason: str) -> ReconError:
    """Return the error CORRUPT_FILE of a file or folder that is no ground truth."""
    return ReconError(
        f"{path} is no ground truth: {reason}",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_='write {"images": {"photo.jpg": {"R": 3x3 world-to-camera, "t": [x, y, z]}, ...}}; '
        "`recon evaluate --help` names the other formats",
    )
