"""Chooses the few well-spread, often-seen keypoints on which a model is grown first.

Growing a model costs in proportion to its observations, and most of them add nothing to the poses: a few
hundred tracks per image, spread over it and seen in many images, give the same poses in a fraction of the
time. All matches come back once the poses are known (`recon.engine.growth`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.core.arrays import IntArray
from recon.engine.view_graph import Tracks, ViewGraph


@dataclass(frozen=True, slots=True)
class SkeletonOptions:
    """How much of the view graph the skeleton keeps."""

    keypoints_per_image: int = 400
    """Tracks are chosen until each image sees this many of them."""
    matches_per_pair: int = 30
    """Of every verified pair at least its best matches, so that no link of a weak view graph is lost."""
    grid: int = 16
    """Images are divided into grid x grid cells that are filled evenly."""


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """The matches that are kept, in the rows of the view graph."""

    matches: tuple[IntArray, ...]
    """For each pair of the view graph, the (K, 2) rows of the matches that are kept."""
    used: npt.NDArray[np.bool_]
    """(N,) keypoints that occur in a kept match."""

    @property
    def num_matches(self) -> int:
        """Matches that are kept."""
        return sum(len(rows) for rows in self.matches)


def choose_skeleton(graph: ViewGraph, tracks: Tracks, options: SkeletonOptions) -> Skeleton:
    """Return matches along the tracks that many images see, spread over each image."""
    is_chosen = _choose_tracks(graph, tracks, options)
    kept = []
    for rows in graph.matches:
        keep = is_chosen[tracks.labels[rows[:, 0]]]
        missing = options.matches_per_pair - int(keep.sum())
        if missing > 0:
            # Consistent tracks first, longer ones first.
            worth = tracks.lengths[rows[:, 0]] * (1 + tracks.consistent[rows[:, 0]]) * ~keep
            keep[np.argsort(-worth, kind="stable")[:missing]] = True
        kept.append(rows[keep])
    used = np.zeros(len(graph.keypoints), bool)
    for rows in kept:
        used[rows.ravel()] = True
    return Skeleton(matches=tuple(kept), used=used)


def _choose_tracks(graph: ViewGraph, tracks: Tracks, options: SkeletonOptions) -> npt.NDArray[np.bool_]:
    """Return (N,) whether the track with this label is chosen.

    Image by image: cells are filled in turn, in each the tracks that are chosen already, then the longest,
    then the largest keypoints. A track chosen for one image counts in all others.
    """
    is_chosen = np.zeros(len(graph.keypoints), bool)
    is_candidate = tracks.consistent & (tracks.lengths >= 2)
    for k in range(len(graph.image_ids)):
        rows = np.arange(graph.offsets[k], graph.offsets[k + 1])
        rows = rows[is_candidate[rows]]
        has = is_chosen[tracks.labels[rows]]
        if has.sum() >= options.keypoints_per_image:
            continue
        in_cells = (graph.keypoints[rows] / graph.image_sizes[k] * options.grid).astype(np.int64)
        in_cells = in_cells.clip(0, options.grid - 1)
        cells = in_cells[:, 1] * options.grid + in_cells[:, 0]
        length = tracks.lengths[rows]
        by_cell = np.lexsort((-graph.scales_px[rows], -length, ~has, cells))
        turn = _turn_in_cell(cells[by_cell])
        in_order = by_cell[np.lexsort((-length[by_cell], turn))]
        is_chosen[tracks.labels[rows[in_order[: options.keypoints_per_image]]]] = True
    return is_chosen


def _turn_in_cell(sorted_cells: IntArray) -> IntArray:
    """Return 0, 1, 2, ... within each run of equal values."""
    order = np.arange(len(sorted_cells))
    is_first = np.ones(len(sorted_cells), bool)
    is_first[1:] = sorted_cells[1:] != sorted_cells[:-1]
    turn: IntArray = order - np.maximum.accumulate(np.where(is_first, order, 0))
    return turn
