"""From keypoints that stand still to the part of the picture that does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray
from recon.core.data import Features
from recon.matching.overlays.masking import Overlay

Mask = npt.NDArray[np.bool_]

_CELLS = 128
"""Along the longer side."""
_BRIDGED = 2
"""Cells of a gap, as between the digits of a date of which some change, that are covered too."""
_AROUND_A_HOLE = 6
_STILL_SHARE = 0.4
"""Of the keypoints in and around a cell, those that stand still where the cell is covered."""


def cover_cells(size: tuple[int, int], photos: Sequence[Features], still: Sequence[Mask]) -> Overlay:
    """Return the cells in which most keypoints stand still, with what lies between them.

    Args:
        still: Of each photo, (N,) which keypoints do.
    """
    cell_px = max(size) / _CELLS
    shape = (int(np.ceil(size[1] / cell_px)), int(np.ceil(size[0] / cell_px)))
    num_still, num_moving = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for photo, is_still in zip(photos, still, strict=True):
        num_still += _counts(photo.keypoints[is_still], cell_px, shape)
        num_moving += _counts(photo.keypoints[~is_still], cell_px, shape)
    near_still, near_moving = _summed_around(num_still), _summed_around(num_moving)
    is_solid = near_still >= _STILL_SHARE * (near_still + near_moving)
    seeds = (num_still >= 2) & is_solid
    bridged = ~_grown(~_grown(seeds, _BRIDGED + 1), _BRIDGED)
    return Overlay(size, cell_px, _filled(bridged & ((num_moving == 0) | is_solid)))


def _counts(xy: FloatArray, cell_px: float, shape: tuple[int, int]) -> IntArray:
    columns, rows = (np.asarray(xy, np.float64) / cell_px).astype(np.int64).reshape(-1, 2).T
    places = rows.clip(0, shape[0] - 1) * shape[1] + columns.clip(0, shape[1] - 1)
    return np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)


def _summed_around(counts: IntArray) -> IntArray:
    """Return the sum over each cell and its eight neighbours."""
    padded = np.pad(counts, 1)
    return np.asarray(sum(_shifted(padded, y, x, counts.shape) for y in range(3) for x in range(3)))


def _filled(covered: Mask) -> Mask:
    """Return the cells with those filled in that have at least six covered ones around them, over and over."""
    for _ in range(max(covered.shape)):
        filled = covered | (_summed_around(covered.astype(np.int64)) >= _AROUND_A_HOLE)
        if np.array_equal(filled, covered):
            break
        covered = filled
    return covered


def _grown(cells: Mask, steps: int) -> Mask:
    """Return the cells and all those within a square of so many steps around them; beyond the rim lies nothing."""
    for _ in range(steps):
        padded = np.pad(cells, 1)
        cells = np.any([_shifted(padded, y, x, cells.shape) for y in range(3) for x in range(3)], axis=0)
    return cells


def _shifted(
    padded: npt.NDArray[np.generic], down: int, across: int, shape: tuple[int, ...]
) -> npt.NDArray[np.generic]:
    return padded[down : down + shape[0], across : across + shape[1]]
