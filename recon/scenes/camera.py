"""Where a photo is taken and through which lens, exactly.

OpenCV's axes (x right, y down, z forward) and distortion; pixel centres at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, check_shape

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """One photo's intrinsics and pose."""

    width: int
    height: int
    matrix: Matrix
    """(3, 3) K; the centre of the top-left pixel is (0, 0)."""
    distortion: tuple[float, float, float, float]
    """OpenCV's k1, k2, p1, p2."""
    rotation: Matrix
    """(3, 3) world to camera: x right, y down, z forward."""
    translation: Matrix
    """(3,) of x_cam = rotation @ x + translation."""

    def __post_init__(self) -> None:
        check_shape("matrix", self.matrix, (3, 3))
        check_shape("rotation", self.rotation, (3, 3))
        check_shape("translation", self.translation, (3,))

    @property
    def centre(self) -> Matrix:
        """(3,) place of the camera in the world."""
        return np.asarray(-self.rotation.T @ self.translation)

    def project(self, points: FloatArray) -> tuple[Matrix, Matrix]:
        """Return the (N, 2) pixels at which (N, 3) world points appear, and their (N,) depths along the axis."""
        inside = points.astype(np.float64) @ self.rotation.T + self.translation
        depth = inside[:, 2]
        pixels = distorted(inside[:, :2] / depth[:, None], self.distortion)
        focal = np.array([self.matrix[0, 0], self.matrix[1, 1]])
        return pixels * focal + self.matrix[:2, 2], depth

    def directions(self, pixels: FloatArray) -> Matrix:
        """Return the (N, 3) world directions of (N, 2) pixels, of length 1 along the optical axis.

        A point at depth d (along the axis) lies at `centre + d * direction`.
        """
        plane = self.on_plane(pixels)
        return np.concatenate([plane, np.ones((len(plane), 1))], 1) @ self.rotation

    def on_plane(self, pixels: FloatArray) -> Matrix:
        """Return where the rays of (N, 2) pixels cross the camera's plane at depth 1, (N, 2)."""
        focal = np.array([self.matrix[0, 0], self.matrix[1, 1]])
        return undistorted((pixels.astype(np.float64) - self.matrix[:2, 2]) / focal, self.distortion)

    def has_lens_of(self, other: Camera) -> bool:
        """Say whether two cameras differ in their pose only."""
        return (
            (self.width, self.height, self.distortion) == (other.width, other.height, other.distortion)
            and np.array_equal(self.matrix, other.matrix)
        )  # fmt: skip

    def points(self, depth: FloatArray) -> Matrix:
        """Return the (H, W, 3) world points of an (H, W) depth map."""
        x, y = np.meshgrid(np.arange(self.width), np.arange(self.height))
        directions = self.directions(np.stack([x.ravel(), y.ravel()], 1)).reshape(self.height, self.width, 3)
        return np.asarray(self.centre + directions * depth[:, :, None])


def distorted(plane: FloatArray, distortion: tuple[float, float, float, float]) -> Matrix:
    """Return where the lens puts (N, 2) points of the plane at depth 1."""
    k1, k2, p1, p2 = distortion
    x, y = plane[:, 0], plane[:, 1]
    square = x * x + y * y
    radial = 1.0 + square * (k1 + square * k2)
    return np.stack(
        [
            x * radial + 2.0 * p1 * x * y + p2 * (square + 2.0 * x * x),
            y * radial + p1 * (square + 2.0 * y * y) + 2.0 * p2 * x * y,
        ],
        1,
    )


def undistorted(plane: FloatArray, distortion: tuple[float, float, float, float]) -> Matrix:
    """Return what `distorted` maps to (N, 2) points, by Newton's method, to about 1e-12."""
    k1, k2, p1, p2 = distortion
    found = np.array(plane, np.float64)
    for _ in range(20):
        x, y = found[:, 0], found[:, 1]
        square = x * x + y * y
        radial = 1.0 + square * (k1 + square * k2)
        slope = 2.0 * (k1 + 2.0 * square * k2)
        xx = radial + slope * x * x + 2.0 * p1 * y + 6.0 * p2 * x
        yy = radial + slope * y * y + 6.0 * p1 * y + 2.0 * p2 * x
        xy = slope * x * y + 2.0 * p1 * x + 2.0 * p2 * y
        error = distorted(found, distortion) - plane
        if not np.abs(error).max(initial=0.0) > 1e-13:
            break
        determinant = xx * yy - xy * xy
        found[:, 0] -= (yy * error[:, 0] - xy * error[:, 1]) / determinant
        found[:, 1] -= (xx * error[:, 1] - xy * error[:, 0]) / determinant
    return found


def looking_at(
    centre: FloatArray,
    target: FloatArray,
    *,
    size: tuple[int, int],
    focal_px: float,
    principal: tuple[float, float] = (0.0, 0.0),
    distortion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    roll_deg: float = 0.0,
) -> Camera:
    """Return a camera at (3,) `centre` whose axis points at (3,) `target`, z being up in the world.

    Args:
        principal: Offset of the principal point from the middle of the picture, in pixels.
    """
    forward = np.asarray(target, float) - np.asarray(centre, float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    roll = np.deg2rad(roll_deg)
    rotation = np.stack(
        [np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, forward]
    )
    width, height = size
    matrix = np.array(
        [
            [focal_px, 0.0, (width - 1) / 2.0 + principal[0]],
            [0.0, focal_px, (height - 1) / 2.0 + principal[1]],
            [0.0, 0.0, 1.0],
        ]
    )
    return Camera(width, height, matrix, distortion, rotation, -rotation @ np.asarray(centre, float))
