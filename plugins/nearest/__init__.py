"""Mutual nearest neighbours with a ratio test: matches any descriptor, on numpy alone.

All distances of two photos come from one matrix product (see `products`), so that memory is bounded at any
number of keypoints. numpy releases the GIL in all of it: pairs run in parallel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import recon

from .bfloat16 import Bfloat16Pass, is_at_hand
from .products import (
    BoolArray,
    FirstPass,
    Float32Array,
    Float64Array,
    IndexArray,
    IsClear,
    TileMaxima,
    float32_pass,
    mutual_nearest,
)

FloatArray = npt.NDArray[np.floating[Any]]

_PROJECTION_ERROR = 0.0
"""What products in a projection are taken to be off: there is no bound, and 0 loses next to no match (see there)."""
_WORTH_ROUNDING = 1024
"""Fewer descriptors are matched before their rounding would pay."""
_CHECKED = 512
"""Keypoints of either photo that the quick check looks at."""
_CHECK_RATIOS = 0.85, 0.9
"""The check asks for the ratio of the options, but for no less or more than these: of SIFT's keypoints at 0.85, and of
XFeat's at 0.9, it passed over no pair of four sets that verifies."""
_CHECK_MATCHES = 6
_SURE = 20
"""Clear matches that say for sure that two photos show the same: unrelated ones had at most 15, XFeat's at 0.9."""


@dataclass(frozen=True, slots=True)
class NearestOptions:
    """Options of the `nearest` matcher; each means the same for every descriptor of unit length."""

    ratio: float | None = 0.8
    """Most that the distance to the nearest neighbour may be of that to the second, seen from either photo
    (0.8 from COLMAP); none keeps ambiguous matches."""
    wide_ratio: float | None = None
    """Where 20 matches are clear by `ratio`, matches up to this ratio are kept too; none, or one below `ratio`, adds
    none. XFeat at 0.9 and
    0.95, instead of 0.8 alone: 14 instead of 4 of 21 wide pairs of fox verify, and 0 of 60 pairs of different places;
    at 0.95 alone 16 of these 60."""
    min_similarity: float | None = None
    """Least cosine of the angle between two matched descriptors, -1 to 1."""
    metric: Literal["cosine", "euclidean"] = "cosine"
    """What is near: `cosine` looks at directions alone, `euclidean` at lengths too. The same for rows of length 1."""
    projection: int = 48
    """Numbers per descriptor in the first pass; 0 for all of them. The directions in which the two photos'
    descriptors vary most tell nearly always which is nearest; candidates are then judged by all numbers. 48 of SIFT's
    find all but 4 of the 24,604 matches of 27 pairs, and 30 others, in 0.7 of the time."""
    bfloat16: Literal["auto", "never"] = "auto"
    """Where the processor has instructions for it and torch is loaded, find candidates in bfloat16; they are judged as
    ever, and the matches are the same as without."""
    quick_check: bool = True
    """Pass over a pair when its largest keypoints alone show no sign of an overlap."""

    def __post_init__(self) -> None:
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise ValueError(f"ratio {self.ratio} is not above 0 and up to 1")
        if self.wide_ratio is not None and not 0 < self.wide_ratio <= 1:
            raise ValueError(f"wide_ratio {self.wide_ratio} is not above 0 and up to 1")
        if self.min_similarity is not None and not -1 <= self.min_similarity <= 1:
            raise ValueError(f"min_similarity {self.min_similarity} is no cosine: -1 to 1")
        if self.projection < 0:
            raise ValueError(f"projection {self.projection}: 0 or more")

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratios to judge by, the strictest first; none where ambiguous matches are kept."""
        if self.ratio is None:
            return ()
        wide = self.wide_ratio
        return (self.ratio,) if wide is None or wide <= self.ratio else (self.ratio, wide)


class NearestMatcher:
    """Matches keypoints whose descriptors are each other's nearest, and clearly nearer than the second."""

    def __init__(self, options: NearestOptions, threads: int = 1) -> None:
        self._options = options
        self._bfloat16_pass = Bfloat16Pass(threads)

    def match(self, features1: recon.Features, features2: recon.Features) -> recon.Matches:
        """Return one-to-one matches in the order of `features1`; scores are cosines."""
        if not len(features1) or not len(features2):
            return recon.Matches.none()
        space = _cosine_space if self._options.metric == "cosine" else _euclidean_space
        vectors1, vectors2, limit = space(features1.descriptors, features2.descriptors)
        ratio = self._options.ratio
        if self._options.quick_check and ratio is not None and min(len(features1), len(features2)) >= 2 * _CHECKED:
            few1, few2 = vectors1[_largest(features1)], vectors2[_largest(features2)]
            is_clear = _clear_of(limit, float(np.clip(ratio, *_CHECK_RATIOS)))
            if _num_clear(few1, few2, is_clear) < _CHECK_MATCHES:
                return recon.Matches.none()
        rules = [_clear_of(limit, each) for each in self._options.ratios]
        found = mutual_nearest(vectors1, vectors2, self._first_pass(vectors1, vectors2), rules)
        indices = found[-1] if len(found[0]) >= _SURE else found[0]
        cosines = _cosines(features1.descriptors[indices[:, 0]], features2.descriptors[indices[:, 1]])
        if self._options.min_similarity is not None:
            is_similar = cosines >= self._options.min_similarity
            indices, cosines = indices[is_similar], cosines[is_similar]
        return recon.Matches(indices.astype(np.uint32), cosines)

    def _first_pass(self, vectors1: Float32Array, vectors2: Float32Array) -> FirstPass:
        few, length = min(len(vectors1), len(vectors2)), vectors1.shape[1]
        if self._options.metric == "euclidean":
            return float32_pass  # lengths, which have columns of their own, survive neither of the other two
        count = self._options.projection
        # Too few descriptors do not tell the directions in which they vary.
        if count and length >= 2 * count and few >= 4 * length:
            return _projected_pass(count)
        is_rounded = self._options.bfloat16 == "auto" and few >= _WORTH_ROUNDING and is_at_hand()
        return self._bfloat16_pass if is_rounded else float32_pass


def _cosine_space(rows1: FloatArray, rows2: FloatArray) -> tuple[Float32Array, Float32Array, float]:
    """Return vectors whose products are cosines, and the product of equal ones: 1 - p is half a squared distance."""
    return _unit(rows1), _unit(rows2), 1.0


def _euclidean_space(rows1: FloatArray, rows2: FloatArray) -> tuple[Float32Array, Float32Array, float]:
    """Return vectors whose products are minus half the squared distance: two more columns hold the lengths."""
    rows1, rows2 = np.asarray(rows1, np.float32), np.asarray(rows2, np.float32)
    halves1, halves2 = (-0.5 * np.einsum("ij,ij->i", rows, rows)[:, None] for rows in (rows1, rows2))
    vectors1 = np.hstack([rows1, np.ones_like(halves1), halves1])
    return vectors1, np.hstack([rows2, halves2, np.ones_like(halves2)]), 0.0


def _projected_pass(count: int) -> FirstPass:
    """Return a first pass in the `count` directions in which both photos' vectors vary most."""

    def first_pass(vectors1: Float32Array, vectors2: Float32Array) -> TileMaxima:
        some1, some2 = vectors1[::4], vectors2[::4]
        _, directions = np.linalg.eigh(some1.T @ some1 + some2.T @ some2)
        strongest = np.ascontiguousarray(directions[:, -count:], np.float32)
        return replace(float32_pass(vectors1 @ strongest, vectors2 @ strongest), error=_PROJECTION_ERROR)

    return first_pass


def _num_clear(few1: Float32Array, few2: Float32Array, is_clear: IsClear) -> int:
    """Return how many of a few rows are each other's nearest, and clearly so seen from either photo."""
    products = few1 @ few2.T
    columns, best_of_columns = products.argmax(axis=1), products.max(axis=0)
    rows = np.flatnonzero(products[np.arange(len(few1)), columns] >= best_of_columns[columns])
    columns = columns[rows]
    best = products[rows, columns].astype(np.float64)
    products[rows, columns] = -np.inf
    second = np.maximum(products[rows].max(axis=1), products.max(axis=0)[columns])
    return int(is_clear(best, second.astype(np.float64)).sum())


def _clear_of(limit: float, ratio: float) -> IsClear:
    """Return whether the nearest distance is below `ratio` times the second, by products of which `limit` is 0 away."""

    def is_clear(best: Float64Array, second: Float64Array) -> BoolArray:
        answer: BoolArray = np.maximum(limit - best, 0) < ratio**2 * np.maximum(limit - second, 0)
        return answer

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
            create=lambda options, context: NearestMatcher(options, context.threads),
            licence="BSD-3-Clause",
            thread_safe=True,
        )
    ]
