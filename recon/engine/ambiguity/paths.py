"""The widest paths of a view graph: from photo to photo through those that share most with their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray


def overlap_matrix(num_images: int, pairs: Sequence[tuple[int, int]], overlaps: Sequence[float]) -> FloatArray:
    """Return (I, I) how much two images share; 0 without a verified pair."""
    matrix = np.zeros((num_images, num_images))
    for (k1, k2), overlap in zip(pairs, overlaps, strict=True):
        matrix[k1, k2] = matrix[k2, k1] = overlap
    return matrix


@dataclass(frozen=True, slots=True, eq=False)
class WidestPaths:
    """Between any two images the path on which the smallest overlap of neighbours is largest."""

    overlap: FloatArray
    """(I, I) that smallest overlap; 0 for no path."""
    parents: IntArray
    """(I,) of the maximum spanning tree, along which all these paths run; its own for a root."""

    def path(self, start: int, end: int) -> list[int]:
        """Return the images from one to another, both included; only where a path leads there."""
        up, down = self._to_root(start), self._to_root(end)
        while len(up) > 1 and len(down) > 1 and up[-2] == down[-2]:
            up.pop()
            down.pop()
        return [*up, *reversed(down[:-1])]

    def _to_root(self, image: int) -> list[int]:
        way = [image]
        while self.parents[way[-1]] != way[-1]:
            way.append(int(self.parents[way[-1]]))
        return way


def widest_paths(overlaps: FloatArray) -> WidestPaths:
    """Return the widest paths among images; Prim's algorithm grows the tree that they run along.

    Args:
        overlaps: (I, I), symmetric.
    """
    num_images = len(overlaps)
    widest = np.zeros((num_images, num_images))
    is_in = np.zeros(num_images, bool)
    best, parents = np.zeros(num_images), np.arange(num_images)
    for _ in range(num_images):
        new = int(np.where(is_in, -1.0, best).argmax())
        if best[new] > 0:
            through = np.minimum(widest[parents[new]], best[new])
            through[parents[new]] = best[new]
            widest[new, is_in] = widest[is_in, new] = through[is_in]
        is_in[new] = True
        is_better = (overlaps[new] > best) & ~is_in
        best[is_better], parents[is_better] = overlaps[new][is_better], new
    return WidestPaths(widest, parents)


def are_linked(
    overlaps: FloatArray, allowed: npt.NDArray[np.bool_], start: int, end: int, least_overlap: float
) -> bool:
    """Return whether a path leads from `start` to `end` through allowed images, no overlap on it below the least."""
    reached = np.zeros(len(overlaps), bool)
    reached[start] = True
    frontier = [start]
    while frontier and not reached[end]:
        new = (overlaps[frontier] >= least_overlap).any(axis=0) & allowed & ~reached
        reached |= new
        frontier = np.flatnonzero(new).tolist()
    return bool(reached[end])
