"""Whether two images are the same picture: their matches lie in the same places."""

from __future__ import annotations

import numpy as np

from recon.engine.diagnosis.record import VerifiedMatches

SAME_PLACE = 0.001
"""Shift of the matches, as a share of the width, below which two photos show the same picture."""


def median_shift(matches: VerifiedMatches) -> float:
    """Return how far the matches of a pair moved from one image to the other: the median, as a share of the width."""
    size1, size2 = (np.array([camera.width, camera.height]) for camera in (matches.camera1, matches.camera2))
    moved = matches.keypoints1[matches.rows[:, 0]] / size1 - matches.keypoints2[matches.rows[:, 1]] / size2
    return float(np.median(np.linalg.norm(moved, axis=1)))
