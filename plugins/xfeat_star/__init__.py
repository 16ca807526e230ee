"""XFeat* (Potje et al., CVPR 2024): semi-dense matching of pixels by a small network, no keypoints needed.

Each photo is seen at two sizes, in cells of 8x8 pixels. Cells of two photos that look most like each other are a
coarse match, and a fine matcher says where in image 1 lies what image 2 shows in the middle of its cell. That
middle is the same for every partner of image 2, so that all that is matched with it becomes one track.

`exact` does what its authors' program does, which is off by a pixel: see `matcher`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import recon

from ..xfeat import WEIGHTS

_ALSO_EXACT = ("max_keypoints", "exact", "min_confidence")


@dataclass(frozen=True, slots=True)
class XFeatStarOptions:
    """Options of the `xfeat-star` matcher."""

    max_keypoints: int = 4096
    """Cells of a photo that are matched, the most reliable ones: a fifth at the smaller size."""
    exact: bool = False
    """Do as upstream does, defects included; the options below then have to stay as they are."""
    min_confidence: float = 0.25
    """Least share of the fine matcher's likeliest place, 0 to 1 (0.25 from upstream). At 0.1 there are a fifth more
    matches on lund_door and fox, with 76 % within 1.5 px of the epipolar line instead of 86 %."""
    max_disagreement_px: float | None = 1.5
    """Most that the fine matcher's answers may differ, asked from image 1 and from image 2, in pixels as it sees
    them; none keeps all. 1.0 keeps three quarters of the matches, and is half as much better again."""
    align_patches: bool = True
    """Move the places in image 1 so that small patches of both images agree, by a pixel and a half at most. The median
    distance to the epipolar line falls from 0.18 to 0.05 px on lund_door, from 0.34 to 0.18 on fox and from 0.21 to
    0.11 on temple_ring, for 5 ms a pair."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Numbers of the network and the fine matcher; `auto` takes bf16 where the processor is fast at it."""

    def __post_init__(self) -> None:
        if self.max_keypoints < 1:
            raise ValueError(f"max_keypoints {self.max_keypoints}: at least 1")
        if not 0 <= self.min_confidence < 1:
            raise ValueError(f"min_confidence {self.min_confidence}: 0 or more, and below 1")
        if self.max_disagreement_px is not None and self.max_disagreement_px <= 0:
            raise ValueError(f"max_disagreement_px {self.max_disagreement_px}: above 0, or none")
        for option in fields(self) if self.exact else ():
            if option.name not in _ALSO_EXACT and getattr(self, option.name) != option.default:
                raise ValueError(f"exact leaves no choice of {option.name}: set one of the two")


def _create(options: XFeatStarOptions, context: recon.RunContext) -> recon.ImageMatcher:
    from .matcher import create_matcher

    return create_matcher(options, context)


@recon.hookimpl
def recon_image_matchers() -> list[recon.ComponentSpec[recon.ImageMatcher]]:
    """Offer `xfeat-star`."""
    return [
        recon.ComponentSpec(
            name="xfeat-star",
            summary="XFeat* (a small CNN): matches cells of 8x8 pixels all over the photos, places them to 0.3 px",
            options=XFeatStarOptions,
            create=_create,
            licence="Apache-2.0",
            weights=(WEIGHTS,),
            devices=("cpu", "cuda", "mps"),
            thread_safe=True,
        )
    ]
