"""How sure a pose is: its covariance from the reprojection errors of the points that it was found by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray

_STEP = 1e-6
"""Of the numeric derivatives, relative to the scale of each parameter."""


def pose_covariance(
    pose: pycolmap.Rigid3d, camera: pycolmap.Camera, xy: FloatArray, xyz: FloatArray, free_params: Sequence[int]
) -> FloatArray:
    """Return the (6, 6) covariance of a pose of least squares.

    The first three are a small rotation (radians) about the camera's axes, x_cam' = exp(w) x_cam, the last three the
    camera's centre, in the model's units and axes. The variance of a pixel is estimated from the residuals; the points
    count as exact, so that this is what the photo's own measurements leave open. Infinite where they do not fix a pose.

    Args:
        xy: (N, 2) where the points are seen, pixels.
        xyz: (N, 3) the points.
        free_params: Intrinsics that were estimated together with the pose.
    """
    num_params = 6 + len(free_params)
    freedom = 2 * len(xy) - num_params
    if freedom <= 0:
        return np.full((6, 6), np.inf)
    rotation = pose.rotation.matrix()
    center = -rotation.T @ pose.translation
    depth = float(np.median(np.linalg.norm(xyz - center, axis=1)))
    scales = np.array([1.0] * 3 + [depth] * 3 + [max(1.0, abs(camera.params[k])) for k in free_params])

    def project(change: FloatArray) -> FloatArray:
        moved = camera.__copy__()
        params = camera.params.copy()
        params[list(free_params)] += change[6:]
        moved.params = params.tolist()
        turn = pycolmap.Rotation3d(change[:3]).matrix()
        in_cam = (xyz - center - change[3:6]) @ (turn @ rotation).T
        return np.asarray(moved.img_from_cam(np.ascontiguousarray(in_cam)), np.float64).reshape(-1)

    steps = np.diag(scales * _STEP)
    jacobian = np.stack([(project(step) - project(-step)) / (2 * _STEP) for step in steps], axis=1)
    residuals = project(np.zeros(num_params)) - xy.reshape(-1)
    if not (np.isfinite(jacobian).all() and np.isfinite(residuals).all()):
        return np.full((6, 6), np.inf)
    variance = float(residuals @ residuals) / freedom
    normal = jacobian.T @ jacobian
    if np.linalg.matrix_rank(normal, hermitian=True) < num_params:
        return np.full((6, 6), np.inf)
    covariance: FloatArray = (variance * np.linalg.inv(normal) * np.outer(scales, scales))[:6, :6]
    return covariance
