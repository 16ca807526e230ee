"""Photos with those that look most like them, by one vector a photo that is made of the run's own descriptors.

A photo's vector says how its descriptors lie around the words of a small vocabulary (VLAD, Jegou 2010, with
equal weight for each word). The vocabulary is trained on the set itself: nothing is downloaded, and any
extractor's descriptors will do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import recon

FloatArray = npt.NDArray[np.floating[Any]]
Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

_SAMPLE = 40_000
"""Descriptors that the vocabulary is trained on, from all photos alike."""
_PER_IMAGE = 1024
"""Descriptors of a photo that its vector is made of: the largest, which other photos see too."""
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """Options of the `retrieval` pair selector."""

    k: int = 20
    """Similar photos that each photo is paired with; being chosen by either makes a pair."""
    clusters: int = 64
    """Words of the vocabulary."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k {self.k}: at least 1")
        if self.clusters < 1:
            raise ValueError(f"clusters {self.clusters}: at least 1")


class RetrievalPairs:
    """Pairs each photo with the most similar ones."""

    def __init__(self, options: RetrievalOptions, seed: int) -> None:
        self._options = options
        self._seed = seed

    def select(
        self, images: Sequence[recon.ImageFile], features: Mapping[str, recon.Features]
    ) -> list[recon.ImagePair]:
        """Return the pairs of every photo with its `k` most similar."""
        names = [image.name for image in images]
        return self.closest(names, names, features)

    def closest(
        self, names: Sequence[str], queries: Sequence[str], features: Mapping[str, recon.Features]
    ) -> list[recon.ImagePair]:
        """Return the pairs of each of `queries` with the most similar of `names`."""
        if len(names) < 2:
            return []
        vectors = image_vectors(names, features, self._options.clusters, self._seed)
        row_of = {name: row for row, name in enumerate(names)}
        pairs: set[recon.ImagePair] = set()
        for query in queries:
            similarities = vectors @ vectors[row_of[query]]
            similarities[row_of[query]] = -np.inf
            closest = np.argsort(-similarities, kind="stable")[: min(self._options.k, len(names) - 1)]
            pairs.update(recon.ImagePair.of(query, names[row]) for row in closest)
        return sorted(pairs)


def image_vectors(
    names: Sequence[str], features: Mapping[str, recon.Features], num_words: int, seed: int
) -> Float32Array:
    """Return (I, W * D) one unit vector a photo, whose products are similarities; each photo is read once.

    Of each photo at most 1024 descriptors are held, in half precision, so that a thousand photos take
    a few hundred megabytes.
    """
    kept = [_largest(features[name]) for name in names]
    rng = np.random.default_rng(seed)
    share = max(num_words, _SAMPLE // len(kept))
    sample = np.concatenate([rows[rng.permutation(len(rows))[:share]] for rows in kept]).astype(np.float32)
    if len(sample) == 0:
        return np.zeros((len(names), 1), np.float32)
    words = train_words(sample, min(num_words, len(sample)), rng)
    return np.stack([_vlad(rows.astype(np.float32), words) for rows in kept])


def train_words(sample: Float32Array, num_words: int, rng: np.random.Generator) -> Float32Array:
    """Return (W, D) centres of k-means over a sample of descriptors."""
    words = sample[rng.choice(len(sample), num_words, replace=False)].copy()
    for _ in range(_ROUNDS):
        nearest = _nearest_words(sample, words)
        order = np.argsort(nearest, kind="stable")
        bounds = np.searchsorted(nearest[order], np.arange(num_words + 1))
        for word in range(num_words):
            members = order[bounds[word] : bounds[word + 1]]
            if len(members):
                words[word] = sample[members].mean(axis=0)
    return words


def _nearest_words(rows: Float32Array, words: Float32Array) -> IndexArray:
    nearest: IndexArray = (rows @ words.T - 0.5 * (words * words).sum(axis=1)).argmax(axis=1)
    return nearest


def _vlad(rows: Float32Array, words: Float32Array) -> Float32Array:
    """Return the sum of the residuals at each word, each word and then the whole scaled to length 1."""
    residuals = np.zeros_like(words)
    if len(rows):
        nearest = _nearest_words(rows, words)
        np.add.at(residuals, nearest, rows - words[nearest])
    residuals /= np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-9)
    vector: Float32Array = residuals.ravel()
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _largest(features: recon.Features) -> npt.NDArray[np.float16]:
    ranking = features.scales_px if features.scales_px is not None else features.scores
    rows = np.arange(len(features)) if ranking is None else np.argsort(-ranking, kind="stable")
    return features.descriptors[rows[:_PER_IMAGE]].astype(np.float16)


@recon.hookimpl
def recon_pair_selectors() -> list[recon.ComponentSpec[recon.PairSelector]]:
    """Offer `retrieval`."""
    return [
        recon.ComponentSpec(
            name="retrieval",
            summary="Each photo with those that look most like it, by the run's own descriptors",
            options=RetrievalOptions,
            create=lambda options, context: RetrievalPairs(options, context.seed),
            licence="BSD-3-Clause",
        )
    ]
