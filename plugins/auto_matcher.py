"""Nearest neighbours for every pair, and attention for those that they leave with few or crowded matches.

Attention takes some hundred times as long. It is used where LightGlue's weights for the run's features are on this
machine already, so that nothing is ever downloaded; else, and for `sift`, the matches are those of `nearest`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

import recon

from .lightglue import LIGHTERGLUE
from .lightglue.options import LightGlueOptions
from .nearest import NearestMatcher, NearestOptions

_WEIGHTS = {"xfeat": replace(LIGHTERGLUE, optional=True)}
"""Of the extractors for which attention was measured to pay."""
_GRID = 4
"""Cells across and down in which matches are counted."""


@dataclass(frozen=True, slots=True)
class AutoMatcherOptions:
    """Options of the `auto` matcher.

    A pair is judged by the matches that `nearest` finds. What the options quote was measured with XFeat's at ratio 0.9.
    """

    ratio: float | None = 0.8
    """As `nearest`; both ratios follow the extractor where it says what suits its descriptors."""
    wide_ratio: float | None = None
    """As `nearest`."""
    enough_matches: int = 200
    """Pairs with so many matches keep those of `nearest`. On temple_ring (63 pairs, up to 10 photos apart) four
    of ten pairs then get attention, and AUC@5deg is above that of attention for all; on lund_door none does."""
    least_matches: int = 20
    """Pairs with fewer matches are taken to show different things, and keep those of `nearest` too. Of the 78
    pairs of five_places, 9 have as many, and all 9 show one place."""
    enough_cells: int = 4
    """Pairs whose matches lie in fewer of the 16 cells of a photo get attention, however many they are."""
    max_keypoints: int = 1024
    """Of a photo that attention looks at, the best by score. With 1024 a pair takes three times as long as by
    `nearest`, with 2048 eight times; the model of temple_ring is better with 1024 (AUC@1deg 32 against 26)."""
    filter_threshold: float = 0.5
    """Least probability of a match by attention. 0.1, which serves the pose of a pair, lets in matches that are a few
    pixels off and that bend a model: AUC@1deg of temple_ring fell from 25 to 15. Above 0.5, 95 % are right."""

    def __post_init__(self) -> None:
        _ = self.nearest  # refuses what `nearest` does
        for name in ("enough_matches", "least_matches", "enough_cells", "max_keypoints"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: at least 1")
        if not 0 <= self.filter_threshold < 1:
            raise ValueError(f"filter_threshold {self.filter_threshold}: 0 or more, and below 1")
        if self.enough_cells > _GRID**2:
            raise ValueError(f"enough_cells {self.enough_cells}: at most {_GRID**2}")

    @property
    def nearest(self) -> NearestOptions:
        """What is asked of `nearest`."""
        return NearestOptions(ratio=self.ratio, wide_ratio=self.wide_ratio)


class AutoMatcher:
    """Asks `nearest` about each pair, and `lightglue` about the hard ones."""

    def __init__(
        self, options: AutoMatcherOptions, nearest: recon.FeatureMatcher, attention: recon.FeatureMatcher | None
    ) -> None:
        self._options = options
        self._nearest = nearest
        self._attention = attention

    def match(self, features1: recon.Features, features2: recon.Features) -> recon.Matches:
        """Return one-to-one matches; the scores are cosines, or probabilities where attention made the matches."""
        found = self._nearest.match(features1, features2)
        if self._attention is None or len(found) < self._options.least_matches:
            return found
        is_easy = self._has_enough(found, features1, features2)
        return found if is_easy else self._attention.match(features1, features2)

    def _has_enough(self, matches: recon.Matches, features1: recon.Features, features2: recon.Features) -> bool:
        cells = (
            _cells_with_matches(features, rows)
            for features, rows in zip((features1, features2), matches.indices.T, strict=True)
        )
        return len(matches) >= self._options.enough_matches and min(cells) >= self._options.enough_cells


class _LateAttention:
    """LightGlue, loaded when the first hard pair comes; from then on, whatever thread asks."""

    def __init__(self, options: AutoMatcherOptions, context: recon.RunContext) -> None:
        self._options = LightGlueOptions(filter_threshold=options.filter_threshold, max_keypoints=options.max_keypoints)
        self._context = context
        self._lock = threading.Lock()
        self._matcher: recon.FeatureMatcher | None = None

    def match(self, features1: recon.Features, features2: recon.Features) -> recon.Matches:
        """Return the matches of attention."""
        with self._lock:
            if self._matcher is None:
                from .lightglue.matcher import create_matcher

                self._matcher = create_matcher("lightglue", LIGHTERGLUE.name, self._options, self._context)
        return self._matcher.match(features1, features2)


def _cells_with_matches(features: recon.Features, rows: npt.NDArray[np.integer[Any]]) -> int:
    """Return how many cells of a grid over the photo hold a matched keypoint."""
    cells = np.clip(features.keypoints[rows] / np.array(features.image_size) * _GRID, 0, _GRID - 1).astype(np.intp)
    return len(np.unique(cells @ (1, _GRID)))


def _create(options: AutoMatcherOptions, context: recon.RunContext) -> AutoMatcher:
    nearest = NearestMatcher(options.nearest, context.threads)
    lacks = _lacking(context)
    if lacks is not None:
        context.note(f"matcher: nearest, since {lacks}")
        return AutoMatcher(options, nearest, None)
    context.note("matcher: nearest, and lightglue for pairs with few or crowded matches, since its weights are here")
    return AutoMatcher(options, nearest, _LateAttention(options, context))


def _lacking(context: recon.RunContext) -> str | None:
    """Return why there is no attention, None where there is."""
    file = _WEIGHTS.get(context.extractor or "")
    if file is None:
        return "it fits every extractor and needs no weights"
    try:
        context.weights(file.name)
    except recon.ReconError as error:
        if error.code is not recon.Cause.MISSING_WEIGHTS:
            raise
        return "attention lacks its weights (`recon weights get lightglue`)"
    if find_spec("kornia") is None:
        return "attention lacks a library (`pip install 'recon-sfm[attention]'`)"
    return None


@recon.hookimpl
def recon_feature_matchers() -> list[recon.ComponentSpec[recon.FeatureMatcher]]:
    """Offer `auto`."""
    return [
        recon.ComponentSpec(
            name="auto",
            summary="nearest for easy pairs, lightglue for hard ones where its weights are at hand",
            options=AutoMatcherOptions,
            create=_create,
            licence="Apache-2.0",
            weights=tuple(_WEIGHTS.values()),
            thread_safe=True,
        )
    ]
