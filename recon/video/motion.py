"""How far the camera has moved through a video: corners are followed from frame to frame (Lucas and Kanade, 1981).

The way is in widths of the picture: 0.05 means that the median corner has moved by a twentieth of its width. A
hand that trembles moves no corner away for good, so that only what a corner has moved since it was first seen counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array

RESEED_AFTER = 0.01
"""New corners are taken once the old ones have moved by this share of the width: shorter trembling does not add up."""
LOST = 0.25
"""What counts as the way between two frames that have no corners in common, in widths."""
_CORNERS = 300
_LEAST_CORNERS = 12
_LEAST_SHARE = 0.35
"""Of the corners that have to be found again."""
_BACK_PX = 1.0
"""A corner is found again if following it back ends this close to where it began."""
_BLURRED = 0.5
"""Part of the last frame's sharpness below which a frame in which corners are lost is a blurred one: it is passed
over, and corners are looked for in the next."""
_MOST_PASSED_OVER = 15


class MotionMeter:
    """Measures the way from frame to frame."""

    def __init__(self) -> None:
        self._way = 0.0  # up to where the present corners were taken
        self._grey: UInt8Array | None = None
        self._sharpness = 0.0
        self._began: FloatArray = np.zeros((0, 2), np.float32)
        self._now: FloatArray = self._began
        self._passed_over = 0

    def add(self, grey: UInt8Array, sharpness: float) -> float:
        """Return the way in widths up to this frame, which follows the one of the last call.

        Args:
            grey: (H, W).
            sharpness: Compared with that of the frames before.
        """
        if self._grey is None or len(self._began) < _LEAST_CORNERS:
            self._take_corners(grey, sharpness)
            return self._way
        found, is_found = _follow(self._grey, grey, self._now)
        if is_found.sum() < max(_LEAST_CORNERS, _LEAST_SHARE * len(is_found)):
            return self._lose(grey, sharpness)
        self._began, self._now = self._began[is_found], found[is_found]
        self._grey, self._sharpness, self._passed_over = grey, sharpness, 0
        moved = float(np.median(np.linalg.norm(self._now - self._began, axis=1))) / grey.shape[1]
        way: float = self._way + moved
        if moved >= RESEED_AFTER:
            self._way = way
            self._take_corners(grey, sharpness)
        return way

    def _lose(self, grey: UInt8Array, sharpness: float) -> float:
        if sharpness < _BLURRED * self._sharpness and self._passed_over < _MOST_PASSED_OVER:
            self._passed_over += 1
            return self._way
        self._way += LOST
        self._take_corners(grey, sharpness)
        return self._way

    def _take_corners(self, grey: UInt8Array, sharpness: float) -> None:
        import cv2

        distance = max(5.0, max(grey.shape) / 48)
        corners: Any = cv2.goodFeaturesToTrack(grey, _CORNERS, 0.01, distance)
        self._began = self._now = np.zeros((0, 2), np.float32) if corners is None else corners.reshape(-1, 2)
        self._grey, self._sharpness, self._passed_over = grey, sharpness, 0


def _follow(grey1: UInt8Array, grey2: UInt8Array, corners: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (N, 2) where corners of one picture are in the next, and (N,) whether following them back agrees."""
    import cv2

    options: Any = {"winSize": (21, 21), "maxLevel": 4}
    start: Any = np.ascontiguousarray(corners, np.float32)
    found, is_found, _ = cv2.calcOpticalFlowPyrLK(grey1, grey2, start, None, **options)  # type: ignore[call-overload]
    back, is_back, _ = cv2.calcOpticalFlowPyrLK(grey2, grey1, found, None, **options)  # type: ignore[call-overload]
    agrees = np.linalg.norm(back - corners, axis=1) < _BACK_PX
    return found, agrees & (is_found.ravel() == 1) & (is_back.ravel() == 1)
