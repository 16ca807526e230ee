"""Photos with those that look most like them, by one vector a photo that is made of the run's own descriptors.

A photo's vector says how its descriptors lie around the words of a small vocabulary (VLAD, Jegou 2010, with
equal weight for each word). The vocabulary is trained on the set itself: nothing is downloaded, and any
extractor's descriptors will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import recon

FloatArray = npt.NDArray[np.floating[Any]]
Float32Array = npt.NDArray[np.float32]
Float16Array = npt.NDArray[np.float16]
IndexArray = npt.NDArray[np.intp]

_SAMPLE = 40_000
"""Descriptors that the vocabulary is trained on, from all the photos looked at alike."""
_SAMPLE_IMAGES = 256
"""Photos that the vocabulary is trained on, evenly spaced in the set: their descriptors are held in memory (at
most 64 MB of SIFT's), those of others are read and let go."""
_PER_IMAGE = 1024
"""Descriptors of a photo that its vector is made of: the largest, which other photos see too."""
_PER_WORD = 16
"""Descriptors of the sample that a word stands for at least: small sets have fewer words."""
_ROUNDS = 12
_BLOCK = 512
"""Photos whose similarities are taken at a time."""


@dataclass(frozen=True, slots=True)
class RetrievalOptions:
    """Options of the `retrieval` pair selector."""

    k: int = 20
    """Similar photos that each photo is paired with; being chosen by either makes a pair."""
    clusters: int = 256
    """Words of the vocabulary. Of the pairs that verify on bonsai, 97 % of the 5 best are found with 256, 94 % with
    64; on lund_walk 97 and 92 %."""

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
        """Return the pairs of each of `queries` with the most similar of `names`, of which they are some.

        A photo without keypoints is in no pair, unless it is one of two.
        """
        if len(names) <= 2:
            return [recon.ImagePair.of(*names)] if len(names) == 2 else []
        vectors = image_vectors(names, features, self._options.clusters, self._seed)
        shown = np.flatnonzero(vectors.any(axis=1))
        row_of = {names[int(index)]: row for row, index in enumerate(shown)}
        rows = np.array([row_of[query] for query in queries if query in row_of], np.intp)
        pairs: set[recon.ImagePair] = set()
        for row, most_similar in _most_similar(vectors[shown], rows, self._options.k):
            pairs.update(recon.ImagePair.of(names[shown[row]], names[shown[other]]) for other in most_similar)
        return sorted(pairs)


def image_vectors(
    names: Sequence[str], features: Mapping[str, recon.Features], num_words: int, seed: int
) -> Float16Array:
    """Return (I, W * D) one vector of length 1 a photo, whose products are similarities; zeros without keypoints.

    Each photo is read once.
    """
    spaced = np.linspace(0, len(names) - 1, min(len(names), _SAMPLE_IMAGES)).astype(np.intp)
    held = {names[int(index)]: _largest(features[names[int(index)]]) for index in spaced}
    words = _train_words(list(held.values()), num_words, np.random.default_rng(seed))
    vectors = np.zeros((len(names), max(words.size, 1)), np.float16)
    for row, name in enumerate(names):
        rows = held.pop(name) if name in held else _largest(features[name])
        if len(rows):
            vectors[row] = _vlad(rows.astype(np.float32), words)
    return vectors


def _largest(features: recon.Features) -> Float16Array:
    ranking = features.scales_px if features.scales_px is not None else features.scores
    rows = np.arange(len(features)) if ranking is None else np.argsort(-ranking, kind="stable")
    return features.descriptors[rows[:_PER_IMAGE]].astype(np.float16)


def _train_words(groups: Sequence[Float16Array], num_words: int, random: np.random.Generator) -> Float32Array:
    """Return (W, D) centres of k-means over a sample of the descriptors of some photos, fewer where there are few."""
    share = max(1, _SAMPLE // len(groups))
    sample = np.concatenate([rows[random.permutation(len(rows))[:share]] for rows in groups if len(rows)] or groups[:1])
    sample = sample.astype(np.float32)
    # A word for each descriptor would leave no difference to speak of.
    words = sample[random.permutation(len(sample))[: min(num_words, -(-len(sample) // _PER_WORD))]]
    for _ in range(_ROUNDS if len(words) else 0):
        sums, counts = _sums(sample, _nearest_words(sample, words), len(words))
        words = np.where(counts > 0, sums / np.maximum(counts, 1), words).astype(np.float32)
    return words


def _vlad(rows: Float32Array, words: Float32Array) -> Float32Array:
    """Return the sum of the differences to each word, each word and then the whole scaled to length 1."""
    sums, counts = _sums(rows, _nearest_words(rows, words), len(words))
    residuals = sums - counts * words
    residuals /= np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-9)
    return np.asarray(residuals.ravel() / max(float(np.linalg.norm(residuals)), 1e-9), np.float32)


def _nearest_words(rows: Float32Array, words: Float32Array) -> IndexArray:
    nearest: IndexArray = (rows @ words.T - 0.5 * (words * words).sum(axis=1)).argmax(axis=1)
    return nearest


def _sums(rows: Float32Array, nearest: IndexArray, num_words: int) -> tuple[Float32Array, Float32Array]:
    """Return the (W, D) sum and the (W, 1) number of the rows at each word."""
    order = np.argsort(nearest, kind="stable")
    used, starts, counts = np.unique(nearest[order], return_index=True, return_counts=True)
    sums = np.zeros((num_words, rows.shape[1]), np.float32)
    numbers = np.zeros((num_words, 1), np.float32)
    sums[used] = np.add.reduceat(rows[order], starts, axis=0)
    numbers[used, 0] = counts
    return sums, numbers


def _most_similar(vectors: Float16Array, rows: IndexArray, count: int) -> Iterator[tuple[int, IndexArray]]:
    """Yield each of `rows` with the rows of the vectors most similar to it, in memory that grows with neither."""
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        queries = vectors[block].astype(np.float32)
        similarities = np.hstack(
            [queries @ vectors[other : other + _BLOCK].astype(np.float32).T for other in range(0, len(vectors), _BLOCK)]
        )
        similarities[np.arange(len(block)), block] = -np.inf
        by_similarity = np.argsort(-similarities, axis=1, kind="stable")[:, : min(count, len(vectors) - 1)]
        yield from zip(block, by_similarity, strict=True)


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
