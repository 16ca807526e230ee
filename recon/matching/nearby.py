"""Points that lie close together in an image, found by the square cells that they lie in."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray

Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_NEIGHBOURS = tuple((x, y) for x, y in itertools.product((-1, 0, 1), (-1, 0, 1)))


def nearest_keypoints(xy: FloatArray, keypoints: FloatArray, radius_px: float) -> tuple[Rows, Mask]:
    """Return for each position the row of the keypoint nearest to it, and whether there is one within the radius.

    Args:
        keypoints: (N, 2), no two within the radius of each other.
    """
    rows = np.zeros(len(xy), np.intp)
    nearest_px2 = np.full(len(xy), np.inf)
    index = CellIndex(keypoints, radius_px)
    for position_rows, keypoint_rows in index.candidates(xy):
        away_px2 = ((xy[position_rows] - keypoints[keypoint_rows]).astype(np.float64) ** 2).sum(axis=1)
        closer = away_px2 < nearest_px2[position_rows]
        rows[position_rows[closer]] = keypoint_rows[closer]
        nearest_px2[position_rows[closer]] = away_px2[closer]
    return rows, nearest_px2 <= radius_px**2


class CellIndex:
    """Points by the square cell that they lie in, so that only neighbours are looked at."""

    def __init__(self, points: FloatArray, cell_px: float) -> None:
        self._cell_px = cell_px
        keys = cell_keys(points, cell_px)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def candidates(self, xy: FloatArray) -> list[tuple[Rows, Rows]]:
        """Return rows of positions, and beside each the row of a point in its own or in a cell next to it."""
        if len(self._keys) == 0 or len(xy) == 0:
            return []
        found = []
        for step in _NEIGHBOURS:
            keys = cell_keys(xy, self._cell_px, step)
            start = np.searchsorted(self._keys, keys, "left")
            end = np.searchsorted(self._keys, keys, "right")
            rows = np.flatnonzero(end > start)
            place = start[rows]
            while len(rows):
                found.append((rows, self._order[place]))
                place = place + 1
                more = place < end[rows]
                rows, place = rows[more], place[more]
        return found


def cell_keys(xy: FloatArray, cell_px: float, step: tuple[int, int] = (0, 0)) -> npt.NDArray[np.int64]:
    """Return one number for the square cell that each point lies in, `step` cells further across and down."""
    cells = np.floor(np.asarray(xy, np.float64) / cell_px).astype(np.int64) + np.array(step, np.int64)
    keys: npt.NDArray[np.int64] = cells[:, 0] * (1 << 32) + cells[:, 1]
    return keys
