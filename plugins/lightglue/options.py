"""What can be set of the `lightglue` matchers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LightGlueOptions:
    """Options of the `lightglue` matchers."""

    layers: int | None = None
    """Rounds of attention; none for as many as the weights have. LighterGlue has six; three take half the time, and
    three points less of the matches are right (86 against 89 % on pairs of temple_ring, lund_door and fox)."""
    filter_threshold: float = 0.1
    """Least probability of a match (0.1 from the authors)."""
    max_keypoints: int | None = None
    """Keypoints of a photo that are looked at, the best by score; none for all. The time grows with the square: with
    4096, 2048 and 1024 a pair takes 28, 8 and 3 times as long as by `nearest`, and as many percent are right."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the attention: `auto` takes bf16 where the processor counts faster in it. Two thirds of the
    time with AVX-512, and as many matches are right as in fp32 (89.5 %)."""
    depth_confidence: float | None = None
    """Share of sure keypoints at which further layers are left out (0.95 by LightGlue's authors); none for never."""
    width_confidence: float | None = None
    """Leave out keypoints on the way whose chance of a partner is at most 1 - this (0.95 by LighterGlue's authors);
    none for never."""

    def __post_init__(self) -> None:
        for name in ("layers", "max_keypoints"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} {value}: at least 1")
        for name in ("filter_threshold", "depth_confidence", "width_confidence"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise ValueError(f"{name} {value}: 0 or more, and below 1")
