"""Reads the true cameras of a photo set beside its poses, for scores that are taken pair by pair.

`gt.json` has pixel centres at integers; a `View` has COLMAP's origin, half a pixel further.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, ReconError
from recon.evaluation.truth import Pose
from recon.evaluation.truth_files import read_truth


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The true camera and pose of one photo."""

    camera: pycolmap.Camera
    """PINHOLE, or OPENCV where the truth has a distortion; COLMAP's pixel origin."""

    pose: Pose

    def resized(self, max_size: int) -> View:
        """Return the same seen in a photo whose longer side is at most `max_size` pixels."""
        camera = pycolmap.Camera(self.camera.todict())
        longer = max(camera.width, camera.height)
        if longer > max_size:
            camera.rescale(
                max(1, round(camera.width * max_size / longer)), max(1, round(camera.height * max_size / longer))
            )
        return View(camera, self.pose)

    @property
    def calibration(self) -> FloatArray:
        """(3, 3) pixels from directions, of the camera without its distortion."""
        calibration: FloatArray = self.camera.calibration_matrix()
        return calibration

    def undistorted(self, xy: FloatArray) -> FloatArray:
        """Return where (M, 2) pixels would lie in a photo of the same camera without distortion.

        Not a number where no direction is seen at such pixels, far outside the photo.
        """
        if self.camera.model == pycolmap.CameraModelId.PINHOLE or not len(xy):
            return np.asarray(xy, np.float64)
        rays: Any = self.camera.cam_from_img(np.asarray(xy, np.float64))
        straight: FloatArray = rays @ self.calibration[:2, :2].T + self.calibration[:2, 2]
        return straight


def read_views(path: Path) -> dict[str, View]:
    """Return the camera and pose of every photo in a `gt.json`, full size, by name.

    Raises:
        UsageError: MISSING_FILE.
        ReconError: CORRUPT_FILE, with the image and the field that is wrong.
    """
    poses = read_truth(path).poses
    entries = json.loads(path.read_text("utf-8"))["images"]
    return {name: View(_camera(path, name, entries[name]), poses[name]) for name in sorted(poses)}


def _camera(path: Path, name: str, entry: dict[str, Any]) -> pycolmap.Camera:
    try:
        matrix = np.array(entry["K"], np.float64).reshape(3, 3)
        distortion = np.array(entry.get("dist") or [], np.float64)
        width, height = int(entry["width"]), int(entry["height"])
    except (KeyError, TypeError, ValueError) as error:
        raise _bad_camera(path, f"image {name!r} has no camera: {error}") from error
    if len(distortion) not in (0, 4) or not np.isfinite([*matrix.flat, *distortion]).all() or min(width, height) < 1:
        raise _bad_camera(path, f"the camera of image {name!r} has no meaning")
    params = [matrix[0, 0], matrix[1, 1], matrix[0, 2] + 0.5, matrix[1, 2] + 0.5, *distortion]
    model = "OPENCV" if len(distortion) else "PINHOLE"
    return pycolmap.Camera(model=model, width=width, height=height, params=params)


def _bad_camera(path: Path, reason: str) -> ReconError:
    return ReconError(
        f"{path} has no truth for pairs: {reason}",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_='add "K" (3x3), "width" and "height" to every image, and "dist" [k1, k2, p1, p2] where there is any',
    )
