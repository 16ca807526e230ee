"""Positions that image matchers find pair by pair, made one photo's keypoints, so that tracks outgrow a pair.

A detector-free matcher says of each pair where the same thing is seen, and says it a little differently for every
partner. Of all the positions of one photo those close together become one keypoint, where their weighted mean
settles (one step of mean shift after another); each position then belongs to the keypoint nearest to it. Nothing
depends on the order of the pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array, check_shape
from recon.core.data import Matches, PairPositions
from recon.matching.nearby import CellIndex, Mask, Rows, cell_keys, nearest_keypoints

_STEPS = 2
"""Steps of mean shift: of lund_door's keypoints the first moves 4 % by more than a tenth of the radius, the second
0.06 %, the third none."""


@dataclass(frozen=True, slots=True, eq=False)
class MergedKeypoints:
    """The keypoints of one photo: no two within the radius of each other, N = 0 allowed."""

    xy: FloatArray
    """(N, 2) float32, in the pixels of the positions, sorted by weight: the most agreed upon first."""

    weights: FloatArray
    """(N,) float32: the sum of the scores of the positions that belong to it."""

    nearest: Rows
    """(N,) the row of the position nearest to each, which lends it its colour."""

    def __post_init__(self) -> None:
        check_shape("xy", self.xy, (len(self.xy), 2))
        check_shape("weights", self.weights, (len(self.xy),))
        for array in (self.xy, self.weights, self.nearest):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.xy)


def merge_positions(xy: FloatArray, scores: FloatArray, radius_px: float) -> MergedKeypoints:
    """Return one keypoint for each group of close positions.

    Args:
        xy: (P, 2) pixels: every position of one photo, from all its pairs, in any order.
        scores: (P,) how much each counts; negative ones count as nothing much.
    """
    check_shape("xy", xy, (None, 2))
    check_shape("scores", scores, (len(xy),))
    # Sums of floats depend on their order: take the positions in an order of their own.
    order = np.lexsort((scores, xy[:, 1], xy[:, 0]))
    places = np.asarray(xy, np.float64)[order]
    weights = np.maximum(np.asarray(scores, np.float64)[order], 1e-3)
    seeds, masses = _means(places, weights, _cells(places, radius_px))
    for _ in range(_STEPS):
        seeds, masses = _shifted(places, weights, seeds, masses, radius_px)
    seeds, masses = _well_apart(seeds, masses, radius_px)
    centres = seeds.astype(np.float32)
    rows, is_near = nearest_keypoints(places, centres, radius_px)
    weights_of = np.bincount(rows[is_near], weights[is_near], len(centres))
    by_weight = np.lexsort((centres[:, 1], centres[:, 0], -weights_of))
    by_weight = by_weight[weights_of[by_weight] > 0]
    nearest = _nearest_members(places, centres, rows, is_near)[by_weight]
    return MergedKeypoints(centres[by_weight], weights_of[by_weight].astype(np.float32), order[nearest])


def merged_matches(
    keypoints1: FloatArray, keypoints2: FloatArray, positions: PairPositions, radius_px: float
) -> Matches:
    """Return the matches of two photos' merged keypoints that a pair's positions stand for, one-to-one, best first.

    A position that no keypoint is near to, as between two groups, is dropped.

    Args:
        keypoints1: (N1, 2), in the pixels of the positions; no two within the radius of each other.
        keypoints2: (N2, 2) likewise.
    """
    rows1, is_near1 = nearest_keypoints(positions.xy1, keypoints1, radius_px)
    rows2, is_near2 = nearest_keypoints(positions.xy2, keypoints2, radius_px)
    kept = is_near1 & is_near2
    return one_to_one(rows1[kept], rows2[kept], positions.scores[kept])


def one_to_one(rows1: Rows, rows2: Rows, scores: FloatArray) -> Matches:
    """Return matches in which each keypoint stands once: the best score takes both, then the next best.

    Equal scores go by rows, so that the order of the input does not matter.
    """
    if len(rows1) == 0:
        return Matches.none()
    order = np.lexsort((rows2, rows1, -np.asarray(scores, np.float64)))
    used1: set[int] = set()
    used2: set[int] = set()
    kept = []
    for place, row1, row2 in zip(order.tolist(), rows1[order].tolist(), rows2[order].tolist(), strict=True):
        if row1 not in used1 and row2 not in used2:
            used1.add(row1)
            used2.add(row2)
            kept.append(place)
    indices: IntArray = np.column_stack([rows1[kept], rows2[kept]]).astype(np.uint32)
    return Matches(indices, np.asarray(scores, np.float32)[kept])


def colours_at(xy: FloatArray, pixels: UInt8Array) -> UInt8Array:
    """Return (N, 3) the colour of the pixel that each position lies in."""
    height, width = pixels.shape[:2]
    columns, rows = xy.astype(np.intp).T if len(xy) else np.zeros((2, 0), np.intp)
    colours: UInt8Array = pixels[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return colours


def _cells(xy: FloatArray, cell_px: float) -> Rows:
    """Return for each position the number of its cell."""
    _, group = np.unique(cell_keys(xy, cell_px), return_inverse=True)
    return np.asarray(group, np.intp)


def _means(xy: FloatArray, weights: FloatArray, group: Rows) -> tuple[FloatArray, FloatArray]:
    """Return the weighted mean of each group, and its weight."""
    num = int(group.max()) + 1 if len(group) else 0
    masses: FloatArray = np.bincount(group, weights, num).astype(np.float64)
    sums = np.column_stack([np.bincount(group, weights * xy[:, axis], num) for axis in (0, 1)])
    return sums / masses[:, None] if num else np.zeros((0, 2)), masses


def _shifted(
    xy: FloatArray, weights: FloatArray, seeds: FloatArray, masses: FloatArray, radius_px: float
) -> tuple[FloatArray, FloatArray]:
    """Return the seeds moved to the mean of what lies within the radius; of those that meet in a cell, the heaviest."""
    sums, moved_masses = np.zeros_like(seeds), np.zeros_like(masses)
    for position_rows, seed_rows in CellIndex(seeds, radius_px).candidates(xy):
        is_near = ((xy[position_rows] - seeds[seed_rows]) ** 2).sum(axis=1) <= radius_px**2
        positions, to = position_rows[is_near], seed_rows[is_near]
        moved_masses += np.bincount(to, weights[positions], len(seeds))
        for axis in (0, 1):
            sums[:, axis] += np.bincount(to, weights[positions] * xy[positions, axis], len(seeds))
    is_kept = moved_masses > 0
    moved, moved_masses = sums[is_kept] / moved_masses[is_kept, None], moved_masses[is_kept]
    order = np.lexsort((moved[:, 1], moved[:, 0], -moved_masses))
    _, first = np.unique(cell_keys(moved[order], radius_px), return_index=True)
    heaviest = order[np.sort(first)]
    return moved[heaviest], moved_masses[heaviest]


def _well_apart(seeds: FloatArray, masses: FloatArray, radius_px: float) -> tuple[FloatArray, FloatArray]:
    """Return the seeds of which none has a heavier one within the radius, heaviest first."""
    order = np.lexsort((seeds[:, 1], seeds[:, 0], -masses))
    seeds, masses = seeds[order].astype(np.float32).astype(np.float64), masses[order]
    pairs = CellIndex(seeds, radius_px).candidates(seeds)
    near: list[list[int]] = [[] for _ in range(len(seeds))]
    for rows, others in pairs:
        close = (others > rows) & (((seeds[rows] - seeds[others]) ** 2).sum(axis=1) <= radius_px**2)
        for row, other in zip(rows[close].tolist(), others[close].tolist(), strict=True):
            near[row].append(other)
    is_kept = np.ones(len(seeds), bool)
    for row in range(len(seeds)):
        if is_kept[row]:
            is_kept[near[row]] = False
    return seeds[is_kept], masses[is_kept]


def _nearest_members(xy: FloatArray, centres: FloatArray, rows: Rows, is_near: Mask) -> Rows:
    """Return for each centre the row of its nearest position; 0 for one that has none."""
    members = np.flatnonzero(is_near)
    away_px2 = ((xy[members] - centres[rows[members]]) ** 2).sum(axis=1)
    order = members[np.lexsort((members, away_px2))]
    nearest = np.zeros(len(centres), np.intp)
    nearest[rows[order][::-1]] = order[::-1]
    return nearest
