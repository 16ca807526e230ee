"""Where a photo was taken, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.frame import ModelFrame

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A photo of the model that sees what the located one sees."""

    image: str
    inliers: int
    """Points that both see and that agree with the pose."""
    distance: float
    """Between the two centres, in the model's units."""
    angle_deg: float
    """Between the two viewing directions."""


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """Where a photo was taken, and how sure that is."""

    photo: Path
    cam_from_world: pycolmap.Rigid3d
    center: FloatArray
    """(3,) the projection centre in the model's frame."""
    camera: pycolmap.Camera
    camera_source: str
    """Where its intrinsics came from, in a few words."""
    correspondences: int
    """Matches to points of the model."""
    inliers: int
    """Those that agree with the pose."""
    inlier_ratio: float
    reprojection_error_px: float
    """Mean over the inliers."""
    covariance: FloatArray
    """(6, 6): a small rotation (radians, about the camera's axes), then the centre (the model's units and axes); the
    model itself counts as exact."""
    neighbours: tuple[Neighbour, ...]
    """The photos that share the most points with it."""
    inlier_xy: FloatArray
    """(inliers, 2) where in the photo they are, full-size pixels, COLMAP origin."""
    frame: ModelFrame
    """Of the model: what its units are, and how that is known."""
    seconds: float

    @property
    def rotation_std_deg(self) -> float:
        """Standard deviation of the rotation about its least certain axis."""
        return float(np.degrees(_largest_std(self.covariance[:3, :3])))

    @property
    def center_std(self) -> float:
        """Standard deviation of the centre in its least certain direction, in the model's units."""
        return _largest_std(self.covariance[3:, 3:])

    def as_dict(self) -> dict[str, Any]:
        """Return everything as values for JSON."""
        x, y, z, w = (float(value) for value in self.cam_from_world.rotation.quat)
        camera = self.camera
        return {
            "photo": str(self.photo),
            "located": True,
            "cam_from_world": {
                "quaternion_wxyz": [w, x, y, z],
                "translation": [float(value) for value in self.cam_from_world.translation],
            },
            "center": self.center.tolist(),
            "units": str(self.frame.units),
            "frame": self.frame.as_dict(),
            "camera": {
                "model": camera.model.name,
                "width": camera.width,
                "height": camera.height,
                "params": [float(value) for value in camera.params],
                "source": self.camera_source,
            },
            "correspondences": self.correspondences,
            "inliers": self.inliers,
            "inlier_ratio": self.inlier_ratio,
            "mean_reprojection_error_px": self.reprojection_error_px,
            "covariance": _finite(self.covariance),
            "rotation_std_deg": _finite(self.rotation_std_deg),
            "center_std": _finite(self.center_std),
            "nearest": [
                {"image": n.image, "inliers": n.inliers, "distance": n.distance, "angle_deg": n.angle_deg}
                for n in self.neighbours
            ],
            "seconds": round(self.seconds, 3),
        }


def _finite(value: Any) -> Any:
    """Return numbers as JSON has them: null for what is not fixed at all."""
    if np.ndim(value) == 0:
        return float(value) if np.isfinite(value) else None
    return [_finite(each) for each in value]


def _largest_std(covariance: FloatArray) -> float:
    if not np.isfinite(covariance).all():
        return float("inf")
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(covariance)[-1])))
