"""Mutual nearest neighbours with a ratio test: matches any descriptor, on numpy alone.

All distances of two photos come from one matrix product, made in blocks that stay in the processor's cache, so
that memory is bounded at any number of keypoints. numpy releases the GIL in all of it: pairs run in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import recon

FloatArray = npt.NDArray[np.floating[Any]]
Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

_BLOCK_ROWS = 128
_BLOCK_COLUMNS = 4096
"""2 MB of products at a time, which stay in the second cache while their maxima are taken."""
_CHECKED = 512
"""Keypoints of either photo that the quick check looks at."""
_CHECK_RATIO = 0.85
_CHECK_MATCHES = 6


@dataclass(frozen=True, slots=True)
class NearestOptions:
    """Options of the `nearest` matcher; each means the same for every descriptor of unit length."""

    ratio: float | None = 0.8
    """Most that the distance to the nearest neighbour may be of that to the second, seen from either photo
    (0.8 from COLMAP); none keeps ambiguous matches."""
    min_similarity: float | None = None
    """Least cosine of the angle between two matched descriptors, -1 to 1."""
    metric: Literal["cosine", "euclidean"] = "cosine"
    """What is near: `cosine` looks at directions alone, `euclidean` at lengths too. The same for rows of length 1."""
    projection: int = 48
    """Numbers per descriptor in the first pass; 0 for all of them. The directions in which the two photos'
    descriptors vary most tell nearly always which is nearest; candidates are then judged by all numbers. 48 find 99 %
    of the matches of the full pass, and next to no others, in about half the time."""
    quick_check: bool = True
    """Pass over a pair when its largest keypoints alone show no sign of an overlap."""

    def __post_init__(self) -> None:
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise ValueError(f"ratio {self.ratio} is not above 0 and up to 1")
        if self.min_similarity is not None and not -1 <= self.min_similarity <= 1:
            raise ValueError(f"min_similarity {self.min_similarity} is no cosine: -1 to 1")
        if self.projection < 0:
            raise ValueError(f"projection {self.projection}: 0 or more")


class NearestMatcher:
    """Matches keypoints whose descriptors are each other's nearest, and clearly nearer than the second."""

    def __init__(self, options: NearestOptions) -> None:
        self._options = options

    def match(self, features1: recon.Features, features2: recon.Features) -> recon.Matches:
        """Return one-to-one matches in the order of `features1`; scores are cosines."""
        if not len(features1) or not len(features2):
            return recon.Matches.none()
        space = _cosine_space if self._options.metric == "cosine" else _euclidean_space
        vectors1, vectors2, limit = space(features1.descriptors, features2.descriptors)
        ratio = self._options.ratio
        if self._options.quick_check and ratio is not None and min(len(features1), len(features2)) >= 2 * _CHECKED:
            few = _Sides(vectors1[_largest(features1)], vectors2[_largest(features2)])
            if len(_mutual(few, few, limit, _CHECK_RATIO)) < _CHECK_MATCHES:
                return recon.Matches.none()
        full = _Sides(vectors1, vectors2)
        # Lengths, which the Euclidean space keeps in columns of their own, do not survive a projection.
        count = self._options.projection if self._options.metric == "cosine" else 0
        indices = _mutual(full.projected(count), full, limit, ratio)
        cosines = _cosines(features1.descriptors[indices[:, 0]], features2.descriptors[indices[:, 1]])
        if self._options.min_similarity is not None:
            is_similar = cosines >= self._options.min_similarity
            indices, cosines = indices[is_similar], cosines[is_similar]
        return recon.Matches(indices.astype(np.uint32), cosines)


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """The vectors of two photos, whose products say how near they are."""

    vectors1: Float32Array
    vectors2: Float32Array

    def turned(self) -> _Sides:
        """Return the same with the photos in the other order."""
        return _Sides(self.vectors2, self.vectors1)

    def products(self, rows1: IndexArray, rows2: IndexArray) -> Float32Array:
        """Return the products of some rows, row for row."""
        products: Float32Array = np.einsum("ij,ij->i", self.vectors1[rows1], self.vectors2[rows2])
        return products

    def projected(self, count: int) -> _Sides:
        """Return the vectors in the `count` directions in which both vary most; themselves if that saves little.

        Or if there are too few of them to tell the directions.
        """
        length = self.vectors1.shape[1]
        if count == 0 or length < 2 * count or min(len(self.vectors1), len(self.vectors2)) < 4 * length:
            return self
        some1, some2 = self.vectors1[::4], self.vectors2[::4]
        _, directions = np.linalg.eigh(some1.T @ some1 + some2.T @ some2)
        strongest = np.ascontiguousarray(directions[:, -count:], np.float32)
        return _Sides(self.vectors1 @ strongest, self.vectors2 @ strongest)


def _cosine_space(rows1: FloatArray, rows2: FloatArray) -> tuple[Float32Array, Float32Array, float]:
    """Return vectors whose products are cosines, and the product of equal ones: 1 - p is half a squared distance."""
    return _unit(rows1), _unit(rows2), 1.0


def _euclidean_space(rows1: FloatArray, rows2: FloatArray) -> tuple[Float32Array, Float32Array, float]:
    """Return vectors whose products are minus half the squared distance: two more columns hold the lengths."""
    rows1, rows2 = np.asarray(rows1, np.float32), np.asarray(rows2, np.float32)
    halves1, halves2 = (-0.5 * np.einsum("ij,ij->i", rows, rows)[:, None] for rows in (rows1, rows2))
    vectors1 = np.hstack([rows1, np.ones_like(halves1), halves1])
    return vectors1, np.hstack([rows2, halves2, np.ones_like(halves2)]), 0.0


def _mutual(coarse: _Sides, full: _Sides, limit: float, ratio: float | None) -> IndexArray:
    """Return (M, 2) rows that are each other's nearest by the coarse vectors, and clear by the full ones."""
    columns, best, best_of_columns = _nearest(coarse)
    rows = np.flatnonzero(best >= best_of_columns[columns])
    if ratio is not None:
        # The second best are needed for these few alone, seen from either photo.
        for sides, exact, is_turned in ((coarse, full, False), (coarse.turned(), full.turned(), True)):
            own, other = (columns[rows], rows) if is_turned else (rows, columns[rows])
            rows = rows[_is_clear(exact.products(own, other), _second(sides, exact, own, other), limit, ratio)]
    # Equal descriptors: the first row keeps the column.
    _, firsts = np.unique(columns[rows], return_index=True)
    rows = rows[np.sort(firsts)]
    return np.stack([rows, columns[rows]], axis=1)


def _nearest(sides: _Sides) -> tuple[IndexArray, Float32Array, Float32Array]:
    """Return, for each row of the first photo, the row of the second with the largest product and that product;
    and the largest product of each row of the second."""
    count1, count2 = len(sides.vectors1), len(sides.vectors2)
    nearest = np.zeros(count1, np.intp)
    best = np.full(count1, -np.inf, np.float32)
    best_of_columns = np.full(count2, -np.inf, np.float32)
    for block1, block2, products in _blocks(sides, np.arange(count1)):
        np.maximum(best_of_columns[block2], products.max(axis=0), out=best_of_columns[block2])
        here = products.argmax(axis=1)
        top = products[np.arange(len(here)), here]
        nearest[block1] = np.where(top > best[block1], here + block2.start, nearest[block1])
        np.maximum(best[block1], top, out=best[block1])
    return nearest, best, best_of_columns


def _second(coarse: _Sides, full: _Sides, rows: IndexArray, nearest: IndexArray) -> Float32Array:
    """Return the largest product of some rows of the first photo with any but the nearest of the second.

    The coarse vectors find it; where the full ones say more, theirs counts.
    """
    second = np.full(len(rows), -np.inf, np.float32)
    runner_up = np.zeros(len(rows), np.intp)
    for block1, block2, products in _blocks(coarse, rows):
        inside = np.flatnonzero((nearest[block1] >= block2.start) & (nearest[block1] < block2.stop))
        products[inside, nearest[block1][inside] - block2.start] = -np.inf
        here = products.argmax(axis=1)
        top = products[np.arange(len(here)), here]
        runner_up[block1] = np.where(top > second[block1], here + block2.start, runner_up[block1])
        np.maximum(second[block1], top, out=second[block1])
    if coarse is not full and len(full.vectors2) > 1:
        np.maximum(second, full.products(rows, runner_up), out=second)
    return second


def _blocks(sides: _Sides, rows: IndexArray) -> Iterator[tuple[slice, slice, Float32Array]]:
    """Yield the products of some rows of the first photo with all of the second, block by block.

    The products are written over by the next block.
    """
    count1, count2 = len(rows), len(sides.vectors2)
    buffer = np.empty(min(count1, _BLOCK_ROWS) * min(count2, _BLOCK_COLUMNS), np.float32)
    turned = np.ascontiguousarray(sides.vectors2.T)
    for start1 in range(0, count1, _BLOCK_ROWS):
        block1 = slice(start1, min(start1 + _BLOCK_ROWS, count1))
        for start2 in range(0, count2, _BLOCK_COLUMNS):
            block2 = slice(start2, min(start2 + _BLOCK_COLUMNS, count2))
            shape = block1.stop - block1.start, block2.stop - block2.start
            products = buffer[: shape[0] * shape[1]].reshape(shape)
            np.matmul(sides.vectors1[rows[block1]], turned[:, block2], out=products)
            yield block1, block2, products


def _is_clear(best: Float32Array, second: Float32Array, limit: float, ratio: float) -> npt.NDArray[np.bool_]:
    """Return where the nearest distance is below `ratio` times the second."""
    is_clear: npt.NDArray[np.bool_] = np.maximum(limit - best, 0) < ratio**2 * np.maximum(limit - second, 0)
    return is_clear


def _largest(features: recon.Features) -> IndexArray:
    """Return the rows of a few keypoints that another photo of the place most likely shows too."""
    ranking = features.scales_px if features.scales_px is not None else features.scores
    if ranking is None:
        return np.linspace(0, len(features) - 1, min(_CHECKED, len(features))).astype(np.intp)
    return np.argsort(-ranking, kind="stable")[:_CHECKED]


def _unit(rows: FloatArray) -> Float32Array:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float32))
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float32).tiny)[:, None], np.float32)


def _cosines(rows1: FloatArray, rows2: FloatArray) -> Float32Array:
    cosines: Float32Array = np.einsum("ij,ij->i", _unit(rows1), _unit(rows2))
    return cosines


@recon.hookimpl
def recon_feature_matchers() -> list[recon.ComponentSpec[recon.FeatureMatcher]]:
    """Offer `nearest`."""
    return [
        recon.ComponentSpec(
            name="nearest",
            summary="Mutual nearest neighbours with a ratio test, for any descriptor",
            options=NearestOptions,
            create=lambda options, context: NearestMatcher(options),
            licence="BSD-3-Clause",
            thread_safe=True,
        )
    ]
