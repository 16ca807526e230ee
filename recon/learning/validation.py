"""How good a network in training is: measures on pairs that stay the same, and one score made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import nn

from recon.learning.feeding import sample_of
from recon.learning.measures import KEYPOINTS, measured
from recon.learning.samples import PairSample, PairSource

_NO_STEP = 2**62
"""Stands for the step in the seeds of validation pairs: no training gets there."""


class HeldOutPairs:
    """Pairs of one or several kinds that a network is not trained on."""

    def __init__(self, sources: Mapping[str, PairSource], count: int, seed: int) -> None:
        """Make `count` pairs, the kinds in turn."""
        self._samples: dict[str, list[PairSample]] = {}
        for place, (name, source) in enumerate(sources.items()):
            numbers = range(place, count, len(sources))
            self._samples[name] = [sample_of(source, seed, _NO_STEP, number) for number in numbers]

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Return the measures of each kind, as `tracks.described`, and their `score`."""
        found: dict[str, float] = {}
        scores = []
        for name, samples in self._samples.items():
            if samples:
                measures = measured(network, samples)
                found |= {f"{name}.{key}": value for key, value in measures.items()}
                scores.append(score_of(measures))
        return {"score": float(np.mean(scores)), **found}


def score_of(measures: Mapping[str, float]) -> float:
    """Return one number for the measures of one kind of pairs: 0 to 1, the mean of shares, each as important."""
    shares: Sequence[float] = [
        measures["described"],
        *(measures[name] for name in ("precision", "within_half_px") if name in measures),
        *([measures["matches"] / KEYPOINTS] if "matches" in measures else []),
    ]
    return float(np.mean(shares))
