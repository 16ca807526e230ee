"""Reads ground truth: `{"images": {file: {"R", "t", "K"}}}` with `x_cam = R X + t` and OpenCV's axes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, ReconError, UsageError

_ROTATION_TOLERANCE = 1e-3
"""How far R R^T may be from the identity: truth comes with four digits and more."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a photo was taken, `cam_from_world`."""

    rotation: FloatArray
    """(3, 3) float64, world to camera."""

    translation: FloatArray
    """(3,) float64, in the truth's units."""

    @property
    def center(self) -> FloatArray:
        """(3,) the projection centre in the world."""
        center: FloatArray = -self.rotation.T @ self.translation
        return center


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The true poses of a photo set, by image name."""

    path: Path
    poses: Mapping[str, Pose]


def read_truth(path: Path) -> Truth:
    """Return the true poses in a `gt.json`.

    Raises:
        UsageError: MISSING_FILE.
        ReconError: CORRUPT_FILE, with the image and the field that is wrong; fewer than two images.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the ground truth {path}: {error.strerror}",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_="give the path of a gt.json",
        ) from error
    except (ValueError, RecursionError) as error:  # neither UTF-8 nor JSON
        raise _bad_truth(path, f"not JSON: {error}") from error
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, dict):
        raise _bad_truth(path, 'no object "images" in it')
    if len(images) < 2:
        raise _bad_truth(path, f"{len(images)} images in it, and a pose error needs a pair")
    return Truth(path, {name: _pose(path, name, entry) for name, entry in images.items()})


def _pose(path: Path, name: str, entry: Any) -> Pose:
    if not isinstance(entry, dict):
        raise _bad_truth(path, f"image {name!r} is no object")
    rotation = _numbers(path, name, entry, "R", (3, 3))
    translation = _numbers(path, name, entry, "t", (3,))
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > _ROTATION_TOLERANCE or np.linalg.det(rotation) < 0:
        raise _bad_truth(path, f"R of image {name!r} is no rotation")
    return Pose(rotation, translation)


def _numbers(path: Path, name: str, entry: dict[str, Any], key: str, shape: tuple[int, ...]) -> FloatArray:
    try:
        values = np.array(entry[key], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad_truth(path, f"image {name!r} has no numbers in {key!r}") from error
    if values.shape != shape or not np.isfinite(values).all():
        wanted = " x ".join(map(str, shape))
        raise _bad_truth(path, f"{key!r} of image {name!r} is not {wanted} finite numbers")
    return values


def _bad_truth(path: Path, reason: str) -> ReconError:
    return ReconError(
        f"{path} is no ground truth: {reason}",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_='write {"images": {"photo.jpg": {"R": 3x3 world-to-camera, "t": [x, y, z]}, ...}}',
    )
