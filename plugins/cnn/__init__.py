"""A small network of our own, trained by `recon train` with this project's own programs; its weights come with it.

Positions are meant to be exact: downsampling is anti-aliased, keypoints are sought at full resolution and placed
between the pixels, and descriptors are read at these very places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import recon

Backbone = Literal["own", "vgg16", "resnet18", "resnet50"]


@dataclass(frozen=True, slots=True)
class CnnOptions:
    """Options of the `cnn` extractor."""

    max_keypoints: int = 4096
    threshold: float = 0.05
    """Least likelihood of a keypoint, 0 to 1."""
    min_keypoints: int = 1024
    """Where fewer peaks reach the threshold, the best of those above a tenth of it fill up to this number: structure
    from motion needs keypoints on dull photos too."""
    subpixel: bool = True
    """Move each keypoint from its pixel to where the 11x11 pixels around it say that it lies."""
    weights: Path | None = None
    """A safetensors file that `recon train` made; none stands for the weights that come with recon."""
    backbone: Backbone = "own"
    """The network in which features are found: ours, or one trained on ImageNet, which needs `weights`."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Numbers of the network; `auto` is bf16 where the processor computes in it. On a GPU, `auto` and `bf16` are
    fp16."""

    def __post_init__(self) -> None:
        if self.max_keypoints < 1:
            raise ValueError(f"max_keypoints {self.max_keypoints}: at least 1")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold {self.threshold}: above 0, and below 1")
        if self.min_keypoints < 0:
            raise ValueError(f"min_keypoints {self.min_keypoints}: 0 or more")


@dataclass(frozen=True, slots=True)
class CnnTrainingOptions:
    """Options of the network that `recon train` trains."""

    weights: Path | None = None
    """A safetensors file with which a tuning begins; none stands for the weights that come with recon."""
    backbone: Backbone = "own"
    backbone_weights: Path | None = None
    """What others have trained of the backbone: torchvision's state dict, `.pth` or `.safetensors`."""
    freeze_backbone: bool = False
    """Train only what stands beside the backbone."""

    def __post_init__(self) -> None:
        if self.backbone == "own" and (self.backbone_weights or self.freeze_backbone):
            raise ValueError("backbone_weights and freeze_backbone go with backbone: say which network is meant")
        if self.freeze_backbone and not (self.backbone_weights or self.weights):
            raise ValueError("freeze_backbone needs backbone_weights: at random, a backbone is of no use as it is")


def _create_extractor(options: CnnOptions, context: recon.RunContext) -> recon.FeatureExtractor:
    from .extractor import create_extractor

    return create_extractor(options, context)


def _create_trainable(options: CnnTrainingOptions, context: recon.RunContext) -> recon.Trainable:
    from .trainable import CnnTrainable

    return CnnTrainable(context.seed)


@recon.hookimpl
def recon_feature_extractors() -> list[recon.ComponentSpec[recon.FeatureExtractor]]:
    """Offer `cnn`."""
    return [
        recon.ComponentSpec(
            name="cnn",
            summary="our own small CNN, weights included: exact sub-pixel keypoints, 64-D descriptors",
            options=CnnOptions,
            create=_create_extractor,
            licence="BSD-3-Clause",
            devices=("cpu", "cuda", "mps"),
            position_tolerance_px=math.inf,
            thread_safe=True,
            # Chosen on fox and temple_ring: see README.md beside this file.
            matching_defaults={"ratio": 0.9, "wide_ratio": 0.95},
        )
    ]


@recon.hookimpl
def recon_trainables() -> list[recon.ComponentSpec[recon.Trainable]]:
    """Offer its network to `recon train`."""
    return [
        recon.ComponentSpec(
            name="cnn",
            summary="the network of the extractor `cnn`",
            options=CnnTrainingOptions,
            create=_create_trainable,
            licence="BSD-3-Clause",
            devices=("cpu", "cuda", "mps"),
            uses_seed=True,
        )
    ]
