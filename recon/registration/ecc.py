"""Refinement by the enhanced correlation coefficient (Evangelidis and Psarakis 2008), OpenCV's implementation.

OpenCV sees one size at a time; going from coarse to fine is ours. It rounds positions to 1/32 pixel, which bounds
what it can reach. It has no similarity of free scale: an affine transform is refined, and the nearest similarity taken.
"""

from __future__ import annotations

import numpy as np

from recon.registration.planar import (
    FROM_OPENCV,
    Float64Array,
    Frame,
    Model,
    is_in_front,
    map_points,
    nearest_similarity,
)
from recon.registration.scales import ScalePair
from recon.registration.ssd import covariance_at
from recon.registration.step import DidNotConverge, Step

_ITERATIONS = 50
_EPSILON = 1e-6
_BLUR_SIZE = 1
"""Of OpenCV's own blur: the levels are blurred already."""


def refine_by_ecc(scale: ScalePair, model: Model, matrix: Float64Array, frame: Frame) -> Step:
    """Return the transform at which image 1 correlates best with image 2.

    Raises:
        DidNotConverge: OpenCV gives up: hardly any overlap, or nothing to hold on to.
    """
    import cv2

    level1, level2 = scale.level1, scale.level2
    into1 = np.linalg.inv(FROM_OPENCV) @ np.diag([*level1.scale, 1.0])
    from2 = np.linalg.inv(np.diag([*level2.scale, 1.0])) @ FROM_OPENCV
    warp = into1 @ np.linalg.inv(matrix) @ from2
    warp /= warp[2, 2]
    motion = cv2.MOTION_HOMOGRAPHY if model is Model.HOMOGRAPHY else cv2.MOTION_AFFINE
    rows = 3 if model is Model.HOMOGRAPHY else 2
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ITERATIONS, _EPSILON)
    try:
        _, found = cv2.findTransformECC(
            level2.grey, level1.grey, warp[:rows].astype(np.float32), motion, criteria, _mask(scale, matrix), _BLUR_SIZE
        )
    except cv2.error as error:
        raise DidNotConverge("the correlation found no direction in which to improve") from error
    refined = np.vstack([found, [0.0, 0.0, 1.0]]) if rows == 2 else np.asarray(found, np.float64)
    if not np.isfinite(refined).all() or abs(np.linalg.det(refined)) < 1e-12:
        raise DidNotConverge("the correlation led to no transform")
    result = np.linalg.inv(np.linalg.inv(into1) @ refined.astype(np.float64) @ np.linalg.inv(from2))
    if model is Model.SIMILARITY:
        xy1, seen = scale.warped_positions(matrix, level2.positions()[:: max(1, level2.grey.size // 2000)])
        if int(seen.sum()) < 2:
            raise DidNotConverge("too few pixels are seen by both photos")
        result = nearest_similarity(result, xy1[seen])
    return Step(result, _ITERATIONS, covariance_at(scale, model, result, frame))


def _mask(scale: ScalePair, matrix: Float64Array) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return (H1, W1) uint8: the pixels of image 1 that count: not masked, and mapped to none that is in image 2."""
    mask = scale.level1.is_valid.astype(np.uint8) * 255
    if not scale.level2.is_valid.all():
        xy1 = scale.level1.positions()
        shown = is_in_front(matrix, xy1) & scale.level2.contains(map_points(matrix, xy1))
        mask.ravel()[~shown] = 0
    return mask
