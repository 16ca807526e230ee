"""Whether a camera turned on the spot between two photos, whatever its focal length is taken for.

Photos from one place are related by K R K^-1. Where the focal length is guessed wrong, such a homography looks like a
step in front of a wall, and its triangulation angle says nothing.
"""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray
from recon.engine.diagnosis.record import VerifiedMatches

_FOCAL_FACTORS = np.geomspace(0.3, 6.0, 60)
"""Focal lengths that are tried, in units of the longer side."""
_MAX_DEVIATION = 0.1
"""How far from a rotation the homography may be, as a share of how far it is from standing still: 0.015 where a photo
of lund_door was turned, 0.28 and more between its photos as they are, and between those of fox."""


def turn_deg(verified: VerifiedMatches) -> float | None:
    """Return by how much a camera turned, degrees, where turning alone explains a pair; else None.

    Only pairs whose matches fit a homography come into question.
    """
    homography = verified.geometry.H
    if homography is None or not np.any(homography):
        return None
    center1, center2 = ([camera.width / 2, camera.height / 2] for camera in (verified.camera1, verified.camera2))
    longer = max(verified.camera1.width, verified.camera1.height)
    best, angle = np.inf, 0.0
    for factor in _FOCAL_FACTORS:
        motion = _calibration(center2, factor * longer, inverse=True) @ homography
        motion = motion @ _calibration(center1, factor * longer)
        motion /= np.cbrt(np.linalg.det(motion))
        moved = float(np.linalg.norm(motion - np.eye(3)))
        deviation = float(np.linalg.norm(motion @ motion.T - np.eye(3))) / max(2 * moved, 1e-9)
        if deviation < best:
            best, angle = deviation, float(np.degrees(np.arccos(np.clip((np.trace(motion) - 1) / 2, -1, 1))))
    return angle if best < _MAX_DEVIATION else None


def _calibration(center: list[float], focal: float, inverse: bool = False) -> FloatArray:
    matrix: FloatArray = np.array([[focal, 0, center[0]], [0, focal, center[1]], [0, 0, 1]])
    return np.asarray(np.linalg.inv(matrix)) if inverse else matrix
