"""ALIKED (Zhao et al. 2023) through kornia: few, precise keypoints, told apart by deformable descriptors.

Slow without a GPU, and hard to beat in accuracy. Keypoints are the centres of mass of peaks of a score map.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import recon

if TYPE_CHECKING:
    import torch

_REPOSITORY = "https://github.com/Shiaoming/ALIKED/raw/683d7c65197395c0b3f01ebe76e1084a27e73a65/models/"
N16 = recon.WeightsFile(
    name="aliked-n16.pth",
    url=_REPOSITORY + "aliked-n16.pth",
    licence="BSD-3-Clause",
    sha256="5be8704840ed662d9d8c561bf7279c222092674e7eb05fd0feab94899e9d82f2",
    git_blob="9449ca16f784aff7fa4c88ea0925b41f6411eef0",
    size=2_738_091,
)
T16 = recon.WeightsFile(
    name="aliked-t16.pth",
    url=_REPOSITORY + "aliked-t16.pth",
    licence="BSD-3-Clause",
    sha256="56782336919db220144a884e710e2b6af13b3b8f8da15b915a239078ab471085",
    git_blob="97822f50c8458b5a92a678f6d9ad747c5c1989c7",
    size=794_859,
)

_MIN_SIDE_PX = 32
"""Smaller photos are continued at their edges: the network halves them five times."""


@dataclass(frozen=True, slots=True)
class AlikedOptions:
    """Options of the `aliked` extractors."""

    max_keypoints: int = 4096
    detection_threshold: float = 0.2
    """Least score of a keypoint, 0 to 1 (0.2 from the authors)."""
    nms_radius: int = 2
    """Pixels around a keypoint within which no other may have a higher score."""

    def __post_init__(self) -> None:
        if self.max_keypoints < 1:
            raise ValueError(f"max_keypoints {self.max_keypoints}: at least 1")
        if not 0 <= self.detection_threshold < 1:
            raise ValueError(f"detection_threshold {self.detection_threshold}: 0 or more, and below 1")
        if not 1 <= self.nms_radius <= 16:
            raise ValueError(f"nms_radius {self.nms_radius}: 1 to 16")


class AlikedExtractor:
    """Finds peaks of a score map, and describes each by what the network saw at places that it chooses around it."""

    def __init__(self, model: Any, options: AlikedOptions, device: str) -> None:
        import torch

        self._model = model.to(device).eval()
        self._length: int = model.conv4.in_channels  # as many numbers as the deepest layer, in a descriptor
        self._options = options
        self._device = torch.device(device)

    def extract(self, image: recon.Image) -> recon.Features:
        """Return at most `max_keypoints` features, the best by score; none for a blank image."""
        import torch

        width, height = image.size
        with torch.inference_mode():
            described, scores = self._model.extract_dense_map(self._network_input(image))
            scores = self._without_masked(scores, image)
            keypoints, found, _ = self._model.dkd(scores, image_size=torch.tensor([[width, height]]))
            # Where no score reaches the threshold, kornia lowers it to the mean.
            is_good = found[0] > self._options.detection_threshold
            keypoints = [keypoints[0][is_good]]
            descriptors = self._model.desc_head(described, keypoints)[0][0]
        # kornia counts -1 to 1 from the first pixel's centre to the last one's.
        last = torch.tensor([scores.shape[3] - 1, scores.shape[2] - 1], device=self._device)
        xy = (keypoints[0].double() + 1) / 2 * last + 0.5  # COLMAP origin
        return recon.Features(
            keypoints=xy.float().cpu().numpy().reshape(-1, 2),
            descriptors=descriptors.float().cpu().numpy().reshape(len(xy), self._length),
            image_size=image.size,
            scores=found[0][is_good].float().cpu().numpy(),
        )

    def _network_input(self, image: recon.Image) -> torch.Tensor:
        """Return (1, 3, H, W), 0 to 1; at least as large as the network can do with."""
        import torch

        width, height = image.size
        beyond = [(0, max(_MIN_SIDE_PX - height, 0)), (0, max(_MIN_SIDE_PX - width, 0)), (0, 0)]
        pixels = np.pad(image.pixels, beyond, mode="edge") if max(beyond)[1] else image.pixels
        return torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()).to(self._device).float() / 255

    def _without_masked(self, scores: torch.Tensor, image: recon.Image) -> torch.Tensor:
        import torch

        if image.mask is None:
            return scores
        kept = torch.zeros(scores.shape[2:], dtype=torch.bool)
        kept[: image.size[1], : image.size[0]] = torch.from_numpy(image.mask != 0)
        return torch.where(kept.to(self._device), scores, 0)


def new_model(name: str, options: AlikedOptions) -> Any:
    """Return kornia's network with random weights; nothing is downloaded."""
    from kornia.feature import ALIKED

    return ALIKED(
        model_name=name,
        max_num_keypoints=options.max_keypoints,
        detection_threshold=options.detection_threshold,
        nms_radius=options.nms_radius,
    )


def _create(name: str, file: str, component: str, options: AlikedOptions, context: recon.RunContext) -> AlikedExtractor:
    import torch

    from .xfeat.weights import load_exactly, read_tensors

    model = new_model(name, options)
    torch.set_num_threads(context.threads)
    path = context.weights(file)
    # A grid of offsets that follows from the radius, and that the published files lack.
    derived = {"dkd.hw_grid": model.state_dict()["dkd.hw_grid"]}
    load_exactly(model, {**derived, **read_tensors(path, component)}, path, component)
    return AlikedExtractor(model, options, context.device)


def _spec(component: str, model: str, weights: recon.WeightsFile, what: str) -> recon.ComponentSpec[AlikedExtractor]:
    return recon.ComponentSpec(
        name=component,
        summary=f"ALIKED-{model[-3:]} (kornia): {what}",
        options=AlikedOptions,
        create=lambda options, context: _create(model, weights.name, component, options, context),
        licence="BSD-3-Clause",
        weights=(weights,),
        devices=("cpu", "cuda", "mps"),
        position_tolerance_px=math.inf,  # keypoints lie beside corners, as its weights have learned it
    )


@recon.hookimpl
def recon_feature_extractors() -> list[recon.ComponentSpec[recon.FeatureExtractor]]:
    """Offer `aliked` and `aliked-t16`."""
    return [
        _spec("aliked", "aliked-n16", N16, "precise sub-pixel keypoints, 128-D descriptors; slow without a GPU"),
        _spec("aliked-t16", "aliked-t16", T16, "smaller, 64-D descriptors, half the time"),
    ]
