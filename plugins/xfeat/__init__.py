"""XFeat (Potje et al., CVPR 2024): a small network that is fast without a GPU.

`exact` does what its authors' program does. The default mode keeps their weights and mends what is known to be
wrong: keypoints that hang on a grid of 8 pixels, whole pixels, descriptors read up to half a pixel aside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

import recon

WEIGHTS = recon.WeightsFile(
    name="xfeat.pt",
    url=(
        "https://github.com/verlab/accelerated_features/raw/e92685f57f8318b18725c5c8c0bd28c7fe188d9a/weights/xfeat.pt"
    ),
    licence="Apache-2.0",
    git_blob="9da942e9c7406b8add3746bf98d4b1840233cd92",
)
"""Of the network, its heads and the fine matcher."""

_ALSO_EXACT = ("max_keypoints", "exact")


@dataclass(frozen=True, slots=True)
class XFeatOptions:
    """Options of the `xfeat` extractor."""

    max_keypoints: int = 4096
    exact: bool = False
    """Do as upstream does, defects included; the options below then have to stay as they are."""
    threshold: float = 0.02
    """Least height of a peak of the heat map, 0 to 1 (upstream 0.05). Peaks are lower in the mean of several grids; on
    fox, lund_door, temple_ring and two generated scenes AUC@1 is within half a point from 0.01 to 0.02."""
    min_keypoints: int = 1024
    """Where fewer peaks reach the threshold, the best of those above a tenth of it fill up to this number: structure
    from motion needs keypoints on dull photos too."""
    grids: int = 8
    """Grids of cells over which the heat map is averaged: 1, 4, 8 or 16. Matches within 0.5 px of their place after a
    photo is shifted by (3, 5) or (37, -22) px: 26 % with one grid, 70 with 4, 86 with 8, 90 with 16. Mean AUC@1 on fox,
    lund_door, temple_ring and a generated walk: 60 for `exact`, 73.6 with 4, 75.0 with 8, 74.9 with 16. A grid
    takes a tenth of the network's time; two are looked at everywhere, the others near likely keypoints alone: all of a
    VGA photo, half of 1024x768, a quarter of 1600x1200. On lund_door and temple_ring AUC@1 is then 70.9 instead of
    71.0."""
    subpixel: bool = True
    """Move each keypoint from its pixel to the centre of mass of the 5x5 pixels around it: median Sampson error
    0.26 -> 0.17 px on lund_door, 0.42 -> 0.31 px on temple_ring. A parabola through the peak does no better."""
    fit: Literal["pad", "resize"] = "pad"
    """How a photo gets sides that are multiples of 32: mirrored at its edges, or made smaller as upstream does, which
    costs 0.7 points of AUC@1."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Numbers of the network, but for the keypoint head; `auto` is bf16 where the processor computes in it. Keypoints
    stay in place, descriptors keep a cosine above 0.98. On a GPU, `auto` and `bf16` are fp16."""

    def __post_init__(self) -> None:
        if self.max_keypoints < 1:
            raise ValueError(f"max_keypoints {self.max_keypoints}: at least 1")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold {self.threshold}: 0 or more, and below 1")
        if self.min_keypoints < 0:
            raise ValueError(f"min_keypoints {self.min_keypoints}: 0 or more")
        if self.grids not in (1, 4, 8, 16):
            raise ValueError(f"grids {self.grids}: 1, 4, 8 or 16")
        for option in fields(self) if self.exact else ():
            if option.name not in _ALSO_EXACT and getattr(self, option.name) != option.default:
                raise ValueError(f"exact leaves no choice of {option.name}: set one of the two")


def _create(options: XFeatOptions, context: recon.RunContext) -> recon.FeatureExtractor:
    from .extractor import create_extractor

    return create_extractor(options, context)


@recon.hookimpl
def recon_feature_extractors() -> list[recon.ComponentSpec[recon.FeatureExtractor]]:
    """Offer `xfeat`."""
    return [
        recon.ComponentSpec(
            name="xfeat",
            summary="XFeat (a small CNN, fast on a CPU), sub-pixel keypoints, 64-D descriptors",
            options=XFeatOptions,
            create=_create,
            licence="Apache-2.0",
            weights=(WEIGHTS,),
            devices=("cpu", "cuda", "mps"),
            position_tolerance_px=math.inf,  # keypoints lie beside corners, as its weights have learned it
            thread_safe=True,
            # Chosen on fox, temple_ring and lund_door; pairs of different places stay unverified.
            matching_defaults={"ratio": 0.9, "wide_ratio": 0.95},
        )
    ]
