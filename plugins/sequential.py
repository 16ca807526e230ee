"""Photos in the order of their names with the next ones, as in a video or a walk, and loops closed by similarity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import recon
from recon_plugins.retrieval import RetrievalOptions, RetrievalPairs


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
