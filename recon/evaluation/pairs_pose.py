"""The relative pose of two photos from their matches, as poselib estimates it with known cameras."""

from __future__ import annotations

import numpy as np

from recon.core.data import PairPositions
from recon.evaluation.pairs_truth import View
from recon.evaluation.truth import Pose

_LEAST = 5
"""Matches that an essential matrix takes."""


def relative_pose(
    positions: PairPositions, view1: View, view2: View, *, max_error_px: float = 1.5, seed: int = 0
) -> Pose | None:
    """Return `cam2_from_cam1` up to scale, None where the matches support none.

    Args:
        max_error_px: Sampson distance up to which a match agrees with a pose.
        seed: Of the samples; equal seeds give equal poses.
    """
    import poselib

    xy1, xy2 = view1.undistorted(positions.xy1), view2.undistorted(positions.xy2)
    is_finite = np.isfinite(xy1).all(axis=1) & np.isfinite(xy2).all(axis=1)
    if is_finite.sum() < _LEAST:
        return None
    pose, info = poselib.estimate_relative_pose(
        xy1[is_finite],
        xy2[is_finite],
        *(_pinhole(view) for view in (view1, view2)),
        {"max_epipolar_error": max_error_px, "seed": seed},
        {},
    )
    if info["num_inliers"] < _LEAST or not np.isfinite(pose.t).all():
        return None
    return Pose(np.asarray(pose.R), np.asarray(pose.t))


def _pinhole(view: View) -> dict[str, object]:
    matrix = view.calibration
    return {
        "model": "PINHOLE",
        "width": view.camera.width,
        "height": view.camera.height,
        "params": [matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]],
    }
