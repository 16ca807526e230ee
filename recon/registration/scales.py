"""Both images at matching sizes, from coarse to fine: where an intensity refinement looks.

Where one photo shows the scene larger than the other, it is taken smaller, and both are blurred to the same detail:
else the fine detail of one would be noise to the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recon.core.data import Image
from recon.registration.planar import Float64Array, derivative_at, inverse_of, is_in_front, map_points
from recon.registration.pyramid import BoolArray, Float32Array, Level, make_pyramid, num_levels_for

_BLUR_PX = 1.0
"""Gaussian blur of every level, in its pixels: less, and interpolation shows; more, and detail is lost."""
_COARSEST_SIDE_PX = 48
_MOST_LEVELS = 4
"""Keypoints are right to a pixel or two; from an eighth of the size on, that is little."""
_GRID = 8
"""The strongest pixels are chosen from each of this many cells across and down."""


@dataclass(frozen=True, slots=True, eq=False)
class ScalePair:
    """Image 1 and image 2 at sizes at which they show the same detail."""

    level1: Level
    level2: Level

    def warped_positions(self, matrix: Float64Array, xy2: Float64Array) -> tuple[Float64Array, BoolArray]:
        """Return where positions (N, 2) of image 2 come from in image 1, and (N,) whether that is inside it."""
        inverse = inverse_of(matrix)
        xy1 = map_points(inverse, xy2)
        return xy1, self.level1.contains(xy1) & is_in_front(inverse, xy2)

    def overlap(self, matrix: Float64Array, most: int) -> tuple[Float32Array, Float32Array]:
        """Return grey values of both images at up to `most` evenly spread places that both see."""
        rows = self.even_rows(most)
        xy2 = self.level2.positions()[rows]
        xy1, seen = self.warped_positions(matrix, xy2)
        return self.level1.sample(xy1[seen]), self.level2.grey.ravel()[rows][seen]

    def even_rows(self, most: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Return up to `most` pixels of level 2, evenly spread, as rows of its `positions()`."""
        usable = _usable(self.level2)
        width, height = self.level2.size
        stride = max(1, int(np.ceil(np.sqrt(usable.sum() / most))))
        rows, columns = np.divmod(np.arange(width * height), width)
        return np.flatnonzero(usable.ravel() & (rows % stride == 0) & (columns % stride == 0))

    def strong_rows(self, gradients: Float32Array, most: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Return up to `most` pixels of level 2 of the steepest gradients of every part, as rows of `positions()`.

        Of all, they would crowd on one fence or tree, and the rest of the photo would have no say.
        """
        usable = _usable(self.level2)
        total = int(usable.sum())
        if total <= most:
            return np.flatnonzero(usable.ravel())
        steepness = np.where(usable, np.hypot(gradients[..., 0], gradients[..., 1]), -1.0)
        chosen = np.zeros(usable.shape, bool)
        height, width = usable.shape
        for top, bottom in _cells(height):
            for left, right in _cells(width):
                cell = steepness[top:bottom, left:right]
                count = int((cell >= 0).sum() * most / total)
                if count:
                    least = np.partition(cell, cell.size - count, axis=None)[cell.size - count]
                    chosen[top:bottom, left:right] = (cell >= least) & (cell >= 0)
        return np.flatnonzero(chosen.ravel())


def _usable(level: Level) -> BoolArray:
    """Return (H, W): valid pixels off the edge, where gradients and blur are whole."""
    usable = np.zeros(level.is_valid.shape, bool)
    usable[2:-2, 2:-2] = level.is_valid[2:-2, 2:-2]
    return usable


def _cells(length: int) -> Iterator[tuple[int, int]]:
    edges = np.linspace(0, length, _GRID + 1).astype(int)
    return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def scale_pairs(image1: Image, image2: Image, matrix: Float64Array) -> list[ScalePair]:
    """Return both images at matching sizes, the coarsest first; `matrix` says how large one shows the other."""
    ratio = _pixels1_to_a_pixel2(image1.size, image2.size, matrix)
    shift = round(np.log2(ratio))
    first1, first2 = max(0, shift), max(0, -shift)
    # Both images as small as they are at the finest pair: how much further may they be halved?
    sizes = [
        (max(1, width >> first), max(1, height >> first))
        for (width, height), first in ((image1.size, first1), (image2.size, first2))
    ]
    count = min(_MOST_LEVELS, num_levels_for(sizes, _COARSEST_SIDE_PX))
    levels1 = make_pyramid(image1, first1 + count)[first1:]
    levels2 = make_pyramid(image2, first2 + count)[first2:]
    rest = ratio / 2.0**shift
    blur1, blur2 = _BLUR_PX * max(1.0, rest), _BLUR_PX * max(1.0, 1.0 / rest)
    pairs = [
        ScalePair(level1.blurred(blur1), level2.blurred(blur2)) for level1, level2 in zip(levels1, levels2, strict=True)
    ]
    return pairs[::-1]


def _pixels1_to_a_pixel2(size1: tuple[int, int], size2: tuple[int, int], matrix: Float64Array) -> float:
    """Return how many pixels of image 1 lie side by side in a pixel of image 2, in the middle of the overlap."""
    inverse = inverse_of(matrix)
    width, height = size2
    x, y = np.meshgrid((np.arange(32) + 0.5) * width / 32, (np.arange(32) + 0.5) * height / 32)
    xy2 = np.column_stack([x.ravel(), y.ravel()])
    xy1 = map_points(inverse, xy2)
    with np.errstate(invalid="ignore"):
        seen = is_in_front(inverse, xy2) & np.all((xy1 > 0) & (xy1 < np.array(size1)), axis=1)
    if not seen.any():
        return 1.0
    areas = np.abs(np.linalg.det(derivative_at(inverse, xy2[seen])))
    return float(np.sqrt(np.median(areas)))
