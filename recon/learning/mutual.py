"""Matches by nothing but descriptors: keypoints that are each other's nearest."""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.core.data import Features


def mutual_nearest(features1: Features, features2: Features) -> tuple[IntArray, IntArray, FloatArray]:
    """Return (M,) rows of either side, and the (M,) similarities of their descriptors; none where a side has none."""
    if not len(features1) or not len(features2):
        nothing = np.zeros(0, np.intp)
        return nothing, nothing, np.zeros(0, np.float32)
    similarity = features1.descriptors @ features2.descriptors.T
    to, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    rows = np.flatnonzero(back[to] == np.arange(len(to)))
    return rows, to[rows], similarity[rows, to[rows]]
