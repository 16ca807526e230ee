"""How much of what two photos show is matched between them: photos taken side by side share nearly all of it.

Counted in cells and not in keypoints, so that one richly textured thing does not stand for a whole photo, and only
where keypoints were matched in further photos too, so that noise, sky and leaves are not missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray
from recon.engine.view_graph import ViewGraph

_GRID = 12
"""Cells along a photo's longer side."""
_NUM_CELLS = _GRID * _GRID
_FURTHER_MATCHES = 2
_KEYPOINTS_A_CELL = 3
"""Of a cell that shows something to be found again: keypoints matched in two further photos."""
_ROUNDS = 4
"""Of reweighting: the fit is asked where things appear to a few per cent of a photo."""


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """The cells of every image, ready to be compared pair by pair."""

    graph: ViewGraph
    cell_of_row: IntArray
    """(N,) the cell that each keypoint lies in."""
    num_matches: IntArray
    """(N,) photos in which each keypoint is matched."""

    @classmethod
    def of(cls, graph: ViewGraph) -> Overlaps:
        """Divide the images of a view graph into cells."""
        longer = graph.image_sizes.max(axis=1, initial=1)[graph.image_of_row]
        column_row = (graph.keypoints / longer[:, None] * _GRID).astype(np.int64).clip(0, _GRID - 1)
        num_matches = np.zeros(len(graph.keypoints), np.int64)
        for rows in graph.matches:
            num_matches += np.bincount(rows.ravel(), minlength=len(num_matches))
        return cls(graph, column_row[:, 1] * _GRID + column_row[:, 0], num_matches)

    def shared(self, pair: int) -> float:
        """Return the share of the cells of two images that are matched, of the image where it is smaller."""
        (k1, k2), rows = self.graph.pairs[pair], self.graph.matches[pair]
        return min(self._share(k1, rows[:, 0], None), self._share(k2, rows[:, 1], None))

    def found(self, pair: int) -> float:
        """Return the share of the cells that are matched, of those that should appear in the other image.

        Where they should appear is told by the similarity transform that fits the matches best.
        """
        (k1, k2), rows = self.graph.pairs[pair], self.graph.matches[pair]
        there, back = rows[:, 0], rows[:, 1]
        return min(self._share(k1, there, self._lands_in(k2, k1, there, back)),
                   self._share(k2, back, self._lands_in(k1, k2, back, there)))  # fmt: skip

    def _share(self, image: int, matched_rows: IntArray, is_expected: npt.NDArray[np.bool_] | None) -> float:
        start, end = self.graph.offsets[image], self.graph.offsets[image + 1]
        is_matched = np.zeros(end - start, bool)
        is_matched[matched_rows - start] = True
        is_lasting = is_matched | (self.num_matches[start:end] >= _FURTHER_MATCHES)
        if is_expected is not None:
            is_lasting &= is_expected
        cells = self.cell_of_row[start:end]
        shows = np.bincount(cells[is_lasting], minlength=_NUM_CELLS) >= _KEYPOINTS_A_CELL
        is_found = np.bincount(cells[is_matched], minlength=_NUM_CELLS) > 0
        return float((shows & is_found).sum() / max(1, shows.sum()))

    def _lands_in(self, into: int, image: int, rows: IntArray, rows_there: IntArray) -> npt.NDArray[np.bool_]:
        """Return which keypoints of `image` should appear within the image `into`."""
        keypoints = self.graph.keypoints
        own = keypoints[self.graph.offsets[image] : self.graph.offsets[image + 1]]
        there = _fitted_similarity(keypoints[rows], keypoints[rows_there], own)
        return np.asarray(((there >= 0) & (there < self.graph.image_sizes[into])).all(axis=1))


def _fitted_similarity(source: FloatArray, target: FloatArray, points: FloatArray) -> FloatArray:
    """Return (N, 2) points under the similarity transform from (M, 2) source to target, by reweighted least squares."""
    z1, z2 = (np.asarray(xy, np.float64) @ [1, 1j] for xy in (source, target))
    weights = np.ones(len(z1))
    scale, mean1, mean2 = 1 + 0j, 0j, 0j
    for _ in range(_ROUNDS):
        mean1, mean2 = np.average(z1, weights=weights), np.average(z2, weights=weights)
        spread = (weights * np.abs(z1 - mean1) ** 2).sum()
        scale = (weights * np.conj(z1 - mean1) * (z2 - mean2)).sum() / max(float(spread), 1e-9)
        errors = np.abs(scale * (z1 - mean1) + mean2 - z2)
        weights = 1 / (1 + (errors / max(float(np.median(errors)), 1e-9)) ** 2)
    moved = scale * (np.asarray(points, np.float64) @ [1, 1j] - mean1) + mean2
    return np.column_stack([moved.real, moved.imag])
