"""Square crops out of a photo under a homography, and the keypoints that fall into them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.learning.annotate import AnnotatedPhoto

MARGIN_PX = 4
"""Keypoints closer to the edge of a crop are left out: half of what they look like is missing."""
_SPACING_PX = 4
"""Side of the cells of which each keeps one keypoint."""
_PIXELS_PER_KEYPOINT = 192
"""As 4096 keypoints of a photo of 1024x768 pixels."""


def around(center: FloatArray, zoom: float, angle_rad: float, size: int) -> FloatArray:
    """Return the (3, 3) map from a crop of `size` pixels a side to the photo.

    Args:
        center: (2,) the photo's pixel in the middle of the crop.
        zoom: Pixels of the photo in one of the crop.
        angle_rad: By which the crop is turned.
    """
    turn = zoom * np.array([[np.cos(angle_rad), -np.sin(angle_rad)], [np.sin(angle_rad), np.cos(angle_rad)]])
    return np.array([[*turn[0], center[0] - turn[0].sum() * size / 2],
                     [*turn[1], center[1] - turn[1].sum() * size / 2],
                     [0, 0, 1]])  # fmt: skip


def bent(size: int, strength: float, rng: np.random.Generator) -> FloatArray:
    """Return the (3, 3) map of a crop into itself that moves its corners by up to `strength` of its side."""
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32)
    moved = corners + rng.uniform(-strength, strength, (4, 2)).astype(np.float32) * size
    return np.asarray(cv2.getPerspectiveTransform(corners, moved), np.float64)


def crop(grey: UInt8Array, photo_from_crop: FloatArray, size: int, outside: float) -> FloatArray:
    """Return the (size, size) float32 crop, 0 to 1; what lies outside the photo is of one grey."""
    zoom = np.sqrt(abs(np.linalg.det(jacobians(photo_from_crop, np.full((1, 2), size / 2))[0])))
    if zoom > 1.3 and min(grey.shape) > 1:  # else fine texture would alias
        halved = np.asarray(cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        return crop(halved, np.diag([0.5, 0.5, 1]) @ photo_from_crop, size, outside)  # also where a side is odd
    # OpenCV counts from the centre of the top-left pixel.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    pixels = cv2.warpPerspective(
        grey,
        np.linalg.inv(half) @ photo_from_crop @ half,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside * 255,
    )
    return np.asarray(pixels.astype(np.float32) / 255)


def mapped(homography: FloatArray, positions: FloatArray) -> FloatArray:
    """Return (N, 2) positions under a (3, 3) homography."""
    homogeneous = positions @ homography[:, :2].T + homography[:, 2]
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def jacobians(homography: FloatArray, positions: FloatArray) -> FloatArray:
    """Return (N, 2, 2) derivatives of a homography at (N, 2) positions."""
    homogeneous = positions @ homography[:, :2].T + homography[:, 2]
    x, w = homogeneous[:, :2], homogeneous[:, 2]
    top = homography[None, :2, :2] - (x / w[:, None])[:, :, None] * homography[None, None, 2, :2]
    return np.asarray(top / w[:, None, None])


def inside(positions: FloatArray, size: int) -> npt.NDArray[np.bool_]:
    """Return (N,) whether positions lie in a crop, and not at its edge."""
    return np.asarray(((positions > MARGIN_PX) & (positions < size - MARGIN_PX)).all(axis=1))


def keypoints_in(photo: AnnotatedPhoto, crop_from_photo: FloatArray, size: int) -> tuple[IntArray, FloatArray]:
    """Return which keypoints a crop keeps, and their (N, 2) positions in it: the best, not too close to each other."""
    positions = mapped(crop_from_photo, photo.keypoints.astype(np.float64))
    rows = np.flatnonzero(inside(positions, size))
    rows = rows[np.argsort(-photo.scores[rows], kind="stable")]
    cells = (positions[rows] // _SPACING_PX).astype(np.int64) @ [1, size]
    rows = rows[np.sort(np.unique(cells, return_index=True)[1])]
    rows = rows[: size * size // _PIXELS_PER_KEYPOINT]
    return rows, positions[rows].astype(np.float32)
