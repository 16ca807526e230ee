"""Every pair of a small set, and of a large one neighbours in a video, or else those that look alike; says which."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import recon

from .exhaustive import ExhaustivePairs
from .retrieval import RetrievalOptions, RetrievalPairs
from .sequential import SequentialOptions, SequentialPairs

_FRAME = re.compile(r"(.*/)?frame[_-]?\d+\.\w+", re.IGNORECASE)
"""What the frames of a video are called: by `recon run clip.mp4`, and by most others."""


@dataclass(frozen=True, slots=True)
class AutoPairsOptions:
    """Options of the `auto` pair selector."""

    exhaustive_up_to: int = 60
    """Photos up to which every pair is matched. On fox (50 photos) leaving out the less similar half of the
    pairs cost a point of AUC@1; matching all of them is a matter of seconds."""
    k: int = 20
    """Similar photos that each photo of a larger set is paired with."""

    def __post_init__(self) -> None:
        if self.exhaustive_up_to < 2:
            raise ValueError(f"exhaustive_up_to {self.exhaustive_up_to}: at least 2")
        if self.k < 1:
            raise ValueError(f"k {self.k}: at least 1")


class AutoPairs:
    """Chooses between `exhaustive` and, beyond a number of photos, `sequential` for frames or `retrieval`."""

    def __init__(self, options: AutoPairsOptions, seed: int, note: Callable[[str], None]) -> None:
        self._options = options
        self._seed = seed
        self._note = note

    def select(
        self, images: Sequence[recon.ImageFile], features: Mapping[str, recon.Features]
    ) -> list[recon.ImagePair]:
        """Return the pairs, and note how they were chosen."""
        limit = self._options.exhaustive_up_to
        if len(images) <= limit:
            self._note(f"pairs: exhaustive, since {len(images)} photos are not more than {limit}")
            return ExhaustivePairs().select(images, features)
        if all(_FRAME.fullmatch(image.name) for image in images):
            self._note(f"pairs: sequential, since {len(images)} frames are more than {limit} and named as a video's")
            return SequentialPairs(SequentialOptions(), self._seed).select(images, features)
        self._note(
            f"pairs: retrieval, {self._options.k} similar photos each, since {len(images)} are more than {limit}"
        )
        return RetrievalPairs(RetrievalOptions(k=self._options.k), self._seed).select(images, features)


@recon.hookimpl
def recon_pair_selectors() -> list[recon.ComponentSpec[recon.PairSelector]]:
    """Offer `auto`."""
    return [
        recon.ComponentSpec(
            name="auto",
            summary="exhaustive for few photos; for many, sequential for frames of a video, else retrieval",
            options=AutoPairsOptions,
            create=lambda options, context: AutoPairs(options, context.seed, context.note),
            licence="BSD-3-Clause",
        )
    ]
