"""Photos with what an extractor sees in them: the truth, or the teacher, that a network learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.data import Features, Image


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedPhoto:
    """A photo in grey, and its keypoints."""

    name: str
    grey: UInt8Array
    """(H, W), upright."""
    keypoints: FloatArray
    """(N, 2) in its pixels."""
    scores: FloatArray
    """(N,) 0 to 1: the best keypoint of the photo has 1."""
    descriptors: FloatArray
    """(N, D); D = 0 where there is no teacher of descriptors."""


def annotated(image: Image, features: Features, *, with_descriptors: bool) -> AnnotatedPhoto:
    """Return a photo with the features that an extractor found in it."""
    scores = features.scores if features.scores is not None else np.ones(len(features.keypoints), np.float32)
    descriptors = features.descriptors if with_descriptors else np.zeros((len(scores), 0), np.float32)
    return AnnotatedPhoto(
        name=image.name,
        grey=image.pixels.mean(axis=2).round().astype(np.uint8),
        keypoints=features.keypoints,
        scores=_confidence(scores),
        descriptors=descriptors,
    )


def _confidence(scores: FloatArray) -> FloatArray:
    """Return scores of any scale as confidence by rank: extractors mean different things by theirs.

    The best half of the keypoints is wanted for certain; below, confidence falls to a quarter.
    """
    if not len(scores):
        return np.zeros(0, np.float32)
    rank = np.argsort(np.argsort(-scores, kind="stable"), kind="stable") / len(scores)
    return np.interp(rank, [0, 0.5, 1], [1, 0.9, 0.25]).astype(np.float32)
