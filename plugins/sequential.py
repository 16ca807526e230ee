"""Photos in the order of their names with the next ones, as in a video or a walk, and loops closed by similarity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import recon

from .retrieval import RetrievalOptions, RetrievalPairs


@dataclass(frozen=True, slots=True)
class SequentialOptions:
    """Options of the `sequential` pair selector."""

    overlap: int = 10
    """Number of following photos that each photo is paired with (10 from COLMAP)."""
    quadratic_overlap: bool = True
    """Also pair with the photos 2, 4, 8, ... places on, `overlap` powers of two in all, as COLMAP does."""
    loop_closure: bool = True
    """Also pair every `loop_period`-th photo with those that look most like it."""
    loop_period: int = 10
    """Photos between two that are looked up (10 from COLMAP)."""
    loop_images: int = 10
    """Number of similar photos that are paired with one that is looked up."""

    def __post_init__(self) -> None:
        for name in ("overlap", "loop_period", "loop_images"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: at least 1")


class SequentialPairs:
    """Pairs each photo with the next ones in the order of the file names."""

    def __init__(self, options: SequentialOptions, seed: int) -> None:
        self._options = options
        self._seed = seed

    def select(
        self, images: Sequence[recon.ImageFile], features: Mapping[str, recon.Features]
    ) -> list[recon.ImagePair]:
        """Return the pairs of neighbours in the sequence, and those that close its loops."""
        names = natural_order(image.name for image in images)
        pairs = {
            recon.ImagePair.of(name, names[position + step])
            for position, name in enumerate(names)
            for step in self._steps()
            if position + step < len(names)
        }
        if self._options.loop_closure and len(names) > self._options.overlap + 1:
            similar = RetrievalPairs(RetrievalOptions(k=self._options.loop_images), self._seed)
            pairs.update(similar.closest(names, names[:: self._options.loop_period], features))
        return sorted(pairs)

    def _steps(self) -> set[int]:
        overlap = self._options.overlap
        steps = set(range(1, overlap + 1))
        if self._options.quadratic_overlap:
            steps.update(2**power for power in range(overlap))
        return steps


def natural_order(names: Iterable[str]) -> list[str]:
    """Return names in the order in which cameras count: frame2 before frame10."""
    return sorted(sorted(names), key=_natural)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sorting key with numbers by value: frame2 before frame10."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


@recon.hookimpl
def recon_pair_selectors() -> list[recon.ComponentSpec[recon.PairSelector]]:
    """Offer `sequential`."""
    return [
        recon.ComponentSpec(
            name="sequential",
            summary="Each photo with the next ones by name, as in a video; loops are closed by similarity",
            options=SequentialOptions,
            create=lambda options, context: SequentialPairs(options, context.seed),
            licence="BSD-3-Clause",
        )
    ]
