"""Mutual nearest neighbours with a ratio test: matches any descriptor, on numpy alone.

All distances of two photos come from one matrix product, made in blocks that stay in the processor's cache, so
that memory is bounded at any number of keypoints. numpy releases the GIL in all of it: pairs run in parallel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import recon

FloatArray = npt.NDArray[np.floating[Any]]
Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

_BLOCK_ROWS = 512
_BLOCK_COLUMNS = 4096
"""At 128 numbers a descriptor, blocks of 256 to 1024 rows take the same time within 5 %; fewer make the product
itself slower."""
_CHECKED = 512
"""Keypoints of either photo that the quick check looks at."""
_CHECK_RATIO = 0.85
_CHECK_MATCHES = 4


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
    quick_check: bool = True
    """Pass over a pair when its largest keypoints alone show no sign of an overlap."""

    def __post_init__(self) -> None:
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise ValueError(f"ratio {self.ratio} is not above 0 and up to 1")
        if self.min_similarity is not None and not -1 <= self.min_similarity <= 1:
            raise ValueError(f"min_similarity {self.min_similarity} is no cosine: -1 to 1")


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
        if self._options.quick_check and self._options.ratio is not None:
            few1, few2 = _largest(features1), _largest(features2)
            is_worth_it = min(len(features1), len(features2)) >= 2 * _CHECKED
            if is_worth_it and len(_mutual(vectors1[few1], vectors2[few2], limit, _CHECK_RATIO)) < _CHECK_MATCHES:
                return recon.Matches.none()
        indices = _mutual(vectors1, vectors2, limit, self._options.ratio)
        cosines = _cosines(features1.descriptors[indices[:, 0]], features2.descriptors[indices[:, 1]])
        if self._options.min_similarity is not None:
            is_similar = cosines >= self._options.min_similarity
            indices, cosines = indices[is_similar], cosines[is_similar]
        return recon.Matches(indices.astype(np.uint32), cosines)


def _cosine_space(rows1: FloatArray, rows2: FloatArray) -> tuple[Float32Array, Float32Array, float]:
    """Return vectors whose products are cosines, and the product of equal ones: 1 - p is half a squared distance."""
    return _unit(rows1), _unit(rows2), 1.0


def _euclidean_space(rows1: FloatArray, rows2: FloatArray) -> tuple[Float32Array, Float32Array, float]:
    """Return vectors whose products are minus half the squared distance: two more columns hold the lengths."""
    rows1, rows2 = np.asarray(rows1, np.float32), np.asarray(rows2, np.float32)
    halves1, halves2 = (-0.5 * np.einsum("ij,ij->i", rows, rows)[:, None] for rows in (rows1, rows2))
    vectors1 = np.hstack([rows1, np.ones_like(halves1), halves1])
    return vectors1, np.hstack([rows2, halves2, np.ones_like(halves2)]), 0.0


def _mutual(vectors1: Float32Array, vectors2: Float32Array, limit: float, ratio: float | None) -> IndexArray:
    """Return (M, 2) rows that are each other's nearest, by row of the first."""
    columns, best, second, best_of_columns = _best_two(vectors1, vectors2)
    is_match = best >= best_of_columns[columns]
    if ratio is not None:
        is_match &= _is_clear(best, second, limit, ratio)
    rows = np.flatnonzero(is_match)
    if ratio is not None and len(rows):
        # The second best of the other photo's keypoints are needed for these few alone.
        _, best, second, _ = _best_two(vectors2[columns[rows]], vectors1)
        rows = rows[_is_clear(best, second, limit, ratio)]
    # Equal descriptors: the first row keeps the column.
    _, firsts = np.unique(columns[rows], return_index=True)
    rows = rows[np.sort(firsts)]
    return np.stack([rows, columns[rows]], axis=1)


def _best_two(
    vectors1: Float32Array, vectors2: Float32Array
) -> tuple[IndexArray, Float32Array, Float32Array, Float32Array]:
    """Return, for each row of the first, the row of the second with the largest product.

    Returns:
        Its row, the product, and the second largest product (minus infinity where there is none); and the
        largest product of each row of the second.
    """
    count1, count2 = len(vectors1), len(vectors2)
    nearest = np.zeros(count1, np.intp)
    best, second = np.full((2, count1), -np.inf, np.float32)
    best_of_columns = np.full(count2, -np.inf, np.float32)
    buffer = np.empty(min(count1, _BLOCK_ROWS) * min(count2, _BLOCK_COLUMNS), np.float32)
    for start1 in range(0, count1, _BLOCK_ROWS):
        block1 = slice(start1, min(start1 + _BLOCK_ROWS, count1))
        every_row = np.arange(block1.stop - start1)
        for start2 in range(0, count2, _BLOCK_COLUMNS):
            block2 = slice(start2, min(start2 + _BLOCK_COLUMNS, count2))
            shape = len(every_row), block2.stop - start2
            products = buffer[: shape[0] * shape[1]].reshape(shape)
            np.matmul(vectors1[block1], vectors2[block2].T, out=products)
            np.maximum(best_of_columns[block2], products.max(axis=0), out=best_of_columns[block2])
            here = products.argmax(axis=1)
            top = products[every_row, here]
            products[every_row, here] = -np.inf
            runner_up = np.maximum(products.max(axis=1), np.minimum(top, best[block1]))
            np.maximum(second[block1], runner_up, out=second[block1])
            nearest[block1] = np.where(top > best[block1], here + start2, nearest[block1])
            np.maximum(best[block1], top, out=best[block1])
    return nearest, best, second, best_of_columns


def _is_clear(best: Float32Array, second: Float32Array, limit: float, ratio: float) -> npt.NDArray[np.bool_]:
    """Return where the nearest distance is below `ratio` times the second."""
    return np.maximum(limit - best, 0) < ratio**2 * np.maximum(limit - second, 0)


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
    return np.einsum("ij,ij->i", _unit(rows1), _unit(rows2))


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
