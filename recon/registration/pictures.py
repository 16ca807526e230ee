"""What people look at: image 1 laid onto image 2, both in turn, and the matches."""

from __future__ import annotations

import numpy as np

from recon.core.arrays import UInt8Array
from recon.registration.planar import (
    FROM_OPENCV,
    Float64Array,
    corners_of,
    derivative_at,
    inverse_of,
    is_in_front,
    map_points,
    scaling,
)

_SQUARES = 10
_INLIER = (60, 220, 90)
_OUTLIER = (235, 70, 60)
_MOST_LINES = 150
_GAP_PX = 8


def aligned_picture(pixels1: UInt8Array, matrix: Float64Array, size2: tuple[int, int]) -> UInt8Array:
    """Return (H2, W2, 4): image 1 in the frame of image 2, transparent where it shows nothing."""
    import cv2

    height, width = pixels1.shape[:2]
    # Where image 1 shows more than can be seen in image 2, every pixel is the mean of what falls into it.
    shrink = _shrink((width, height), matrix, size2)
    if shrink < 1:
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        pixels1 = np.asarray(cv2.resize(pixels1, size, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ scaling(size, (width, height))
    opaque = np.full((*pixels1.shape[:2], 1), 255, np.uint8)
    warp = inverse_of(FROM_OPENCV) @ matrix @ FROM_OPENCV
    warped = cv2.warpPerspective(np.dstack([pixels1, opaque]), warp, size2, flags=cv2.INTER_CUBIC)
    picture = np.asarray(warped, np.uint8).copy()
    picture[_is_beyond(matrix, size2)] = 0
    # Half a pixel of the border is a mixture with nothing.
    picture[picture[..., 3] < 255] = 0
    return picture


def _shrink(size1: tuple[int, int], matrix: Float64Array, size2: tuple[int, int]) -> float:
    width, height = size2
    x, y = np.meshgrid((np.arange(16) + 0.5) * width / 16, (np.arange(16) + 0.5) * height / 16)
    xy2 = np.column_stack([x.ravel(), y.ravel()])
    inverse = inverse_of(matrix)
    xy1 = map_points(inverse, xy2)
    with np.errstate(invalid="ignore"):
        seen = is_in_front(inverse, xy2) & np.all((xy1 >= 0) & (xy1 <= np.array(size1)), axis=1)
    if not seen.any():
        return 1.0
    zoom = float(np.sqrt(np.median(np.abs(np.linalg.det(derivative_at(inverse, xy2[seen]))))))
    return min(1.0, 1.0 / zoom)


def _is_beyond(matrix: Float64Array, size2: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return (H2, W2): pixels of image 2 on the far side of the horizon, onto which image 1 would be mirrored."""
    inverse = inverse_of(matrix)
    beyond = np.zeros(size2[::-1], bool)
    if not is_in_front(inverse, corners_of(size2)).all():
        x, y = np.meshgrid(np.arange(size2[0]) + 0.5, np.arange(size2[1]) + 0.5)
        beyond = ~is_in_front(inverse, np.column_stack([x.ravel(), y.ravel()])).reshape(beyond.shape)
    return beyond


def checkerboard_picture(aligned: UInt8Array, pixels2: UInt8Array) -> UInt8Array:
    """Return (H2, W2, 3): squares of image 1 and image 2 in turn; edges that run on across are aligned."""
    height, width = pixels2.shape[:2]
    side = max(1, max(width, height) // _SQUARES)
    rows, columns = np.mgrid[:height, :width] // side
    first = ((rows + columns) % 2 == 0) & (aligned[..., 3] > 0)
    return np.where(first[..., None], aligned[..., :3], pixels2)


def flicker_pictures(aligned: UInt8Array, pixels2: UInt8Array, max_side: int) -> list[UInt8Array]:
    """Return two frames to be shown in turn: image 1 laid over image 2, and image 2; what moves is not aligned."""
    over = np.where(aligned[..., 3:] > 0, aligned[..., :3], pixels2 // 2)
    return [_fitted(frame, max_side)[0] for frame in (over, pixels2)]


def matches_picture(
    pixels1: UInt8Array,
    pixels2: UInt8Array,
    xy1: Float64Array,
    xy2: Float64Array,
    is_inlier: np.ndarray[tuple[int], np.dtype[np.bool_]],
    max_side: int,
) -> UInt8Array:
    """Return both images side by side, a point at each match and lines between some: green fits, red does not."""
    import cv2

    small1, zoom1 = _fitted(pixels1, max_side)
    small2, zoom2 = _fitted(pixels2, max_side)
    height = max(small1.shape[0], small2.shape[0])
    left = small1.shape[1] + _GAP_PX
    canvas = np.full((height, left + small2.shape[1], 3), 255, np.uint8)
    # Dimmed, so that the lines stand out.
    canvas[: small1.shape[0], : small1.shape[1]] = small1 // 3 * 2
    canvas[: small2.shape[0], left:] = small2 // 3 * 2
    ends1 = np.rint(xy1 * zoom1 - 0.5).astype(int)
    ends2 = np.rint(xy2 * zoom2 - 0.5).astype(int) + np.array([left, 0])
    for chosen, colour in ((~is_inlier, _OUTLIER), (is_inlier, _INLIER)):
        rows = np.flatnonzero(chosen)
        for row in rows[:: max(1, -(-len(rows) // _MOST_LINES))]:
            cv2.line(canvas, ends1[row].tolist(), ends2[row].tolist(), colour, 1, cv2.LINE_AA)
        for row in rows:
            for end in (ends1[row], ends2[row]):
                cv2.circle(canvas, end.tolist(), 2, colour, -1, cv2.LINE_AA)
    return canvas


def _fitted(pixels: UInt8Array, max_side: int) -> tuple[UInt8Array, Float64Array]:
    """Return an image no larger than `max_side`, and (2,) by what its positions were multiplied."""
    import cv2

    height, width = pixels.shape[:2]
    share = min(1.0, max_side / max(width, height))
    size = max(1, round(width * share)), max(1, round(height * share))
    smaller = pixels if share == 1.0 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8), np.array([size[0] / width, size[1] / height])
