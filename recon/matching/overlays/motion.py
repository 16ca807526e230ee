"""Whether anything moves before a scene that stands still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recon.core.data import Features
from recon.matching.overlays.recurrence import recurring, tolerance_px

_MOST_PAIRS = 8
_MOST_KEYPOINTS = 1500
"""Of those that do not stand still, in each photo: enough to see a thing that turns."""
_RATIO = 0.85
_MOVES_BY = 3.0
"""Times the tolerance within which a keypoint stands still."""


def moving_matches(names: Sequence[str], features: Mapping[str, Features]) -> tuple[float, float]:
    """Return how many keypoints move from a photo to the next, and of those that do not stand still which share.

    Both are medians over a few pairs of neighbours in the order of the names, where an object turns by one step.
    """
    first = np.unique(np.linspace(0, len(names) - 2, _MOST_PAIRS).round().astype(int))
    counts = [_moving(features[names[k]], features[names[k + 1]]) for k in first]
    numbers, of = np.array(counts, np.float64).T
    return float(np.median(numbers)), float(np.median(numbers / np.maximum(of, 1)))


def _moving(features1: Features, features2: Features) -> tuple[int, int]:
    """Return the number of moving matches, and of the keypoints of the photo that has fewer that could move."""
    still = recurring(features1, features2)
    rows1, rows2 = (np.flatnonzero(~each)[:_MOST_KEYPOINTS] for each in still)
    if min(len(rows1), len(rows2)) < 2:
        return 0, min(len(rows1), len(rows2))
    products = features1.descriptors[rows1] @ features2.descriptors[rows2].T
    to2, to1 = products.argmax(axis=1), products.argmax(axis=0)
    best, second = np.partition(products, (-2, -1), axis=1)[:, :-3:-1].T
    # of unit vectors, distance squared is 2 - 2 products
    is_distinct = (1 - best) < _RATIO**2 * (1 - second)
    is_match = (to1[to2] == np.arange(len(rows1))) & is_distinct
    offsets = features1.keypoints[rows1[is_match]] - features2.keypoints[rows2[to2[is_match]]]
    moved = np.hypot(*offsets.T) > _MOVES_BY * tolerance_px(features1.image_size)
    return int(moved.sum()), min(len(rows1), len(rows2))
