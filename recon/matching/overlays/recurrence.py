"""Keypoints of two photos of one size that lie at the same pixels and look the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recon.core.data import Features, Matches
from recon.matching.nearby import CellIndex

Mask = npt.NDArray[np.bool_]

_ALIKE = 0.8
"""Product of descriptors of length 1 that show the same thing; unrelated ones of `sift` reach 0.5 on average."""


def tolerance_px(size: tuple[int, int]) -> float:
    """Return how far the keypoints of something that stands still may be drawn aside by what lies around them."""
    return max(1.5, max(size) / 1000)


def recurring(features1: Features, features2: Features) -> tuple[Mask, Mask]:
    """Return which keypoints of either photo have one like them at the same place in the other."""
    radius_px = tolerance_px(features1.image_size)
    found1, found2 = np.zeros(len(features1), bool), np.zeros(len(features2), bool)
    for rows1, rows2 in CellIndex(features2.keypoints, radius_px).candidates(features1.keypoints):
        offsets = features1.keypoints[rows1] - features2.keypoints[rows2]
        near = np.flatnonzero((offsets**2).sum(axis=1) <= radius_px**2)
        rows1, rows2 = rows1[near], rows2[near]
        products = np.einsum("ij,ij->i", features1.descriptors[rows1], features2.descriptors[rows2])
        alike = products >= _ALIKE
        found1[rows1[alike]], found2[rows2[alike]] = True, True
    return found1, found2


def recurrences(photos: Sequence[Features]) -> list[Mask]:
    """Return for each of P photos (P, N): in which others, and at which of its N keypoints, something recurs."""
    found = [np.zeros((len(photos), len(photo)), bool) for photo in photos]
    for k1 in range(len(photos)):
        for k2 in range(k1 + 1, len(photos)):
            found[k1][k2], found[k2][k1] = recurring(photos[k1], photos[k2])
    return found


def without_still(matches: Matches, features1: Features, features2: Features) -> Matches:
    """Return the matches of keypoints that do not lie at the same pixels: what an overlay's mask has missed of it."""
    rows1, rows2 = matches.indices.astype(np.intp).T
    offsets = features1.keypoints[rows1] - features2.keypoints[rows2]
    moves = np.hypot(*offsets.T) > tolerance_px(features1.image_size)
    scores = matches.scores
    return Matches(matches.indices[moves], None if scores is None else scores[moves])
