"""Training pairs of several kinds, mixed; and photos put aside for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from recon.learning.samples import PairSample, PairSource

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class MixedSource:
    """Takes each pair from one of several sources."""

    sources: Sequence[PairSource]
    shares: Sequence[float]
    """How often each is taken; their sum need not be 1."""

    def sample(self, rng: np.random.Generator) -> PairSample:
        """Return a pair."""
        reach = np.cumsum(np.asarray(self.shares, np.float64))
        chosen = int(np.searchsorted(reach, rng.random() * reach[-1], side="right"))
        return self.sources[min(chosen, len(self.sources) - 1)].sample(rng)


def held_out(items: Sequence[Item], every: int) -> tuple[list[Item], list[Item]]:
    """Return the items to train on, and those put aside: every k-th, from the middle of the first k on."""
    aside = [item for place, item in enumerate(items) if place % every == every // 2]
    kept = [item for place, item in enumerate(items) if place % every != every // 2]
    return kept, aside
