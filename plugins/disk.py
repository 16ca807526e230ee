"""DISK (Tyszkiewicz, Fua, Trulls 2020) through kornia: many keypoints, on whole pixels, from a U-Net.

Heavy: the network keeps 129 numbers for each pixel of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import recon

if TYPE_CHECKING:
    import torch

WEIGHTS = recon.WeightsFile(
    name="depth-save.pth",
    url="https://github.com/cvlab-epfl/disk/raw/8dc6d4d65b47210f629e21ad1fbfb56944b11696/depth-save.pth",
    licence="Apache-2.0",
    sha256="9c2ee4ded238892dfa51569941372601e35e4a74aa6f84ea80053d2ab1c07abe",
    size=4_375_832,
)
"""Trained with depth maps; the authors' choice for structure from motion."""

_STRIDE_PX = 16
"""The U-Net halves a photo four times, and normalises each map by its own spread, which takes more than one value."""
_MIN_SIDE_PX = 2 * _STRIDE_PX


@dataclass(frozen=True, slots=True)
class DiskOptions:
    """Options of the `disk` extractor."""

    max_keypoints: int = 4096
    detection_threshold: float = 0.0
    """Least score of a keypoint, a logit of the network (0 from the authors)."""
    window_px: int = 5
    """Side of the square in which no other pixel may have a higher score (5 from the authors); odd."""

    def __post_init__(self) -> None:
        if self.max_keypoints < 1:
            raise ValueError(f"max_keypoints {self.max_keypoints}: at least 1")
        if not np.isfinite(self.detection_threshold):
            raise ValueError(f"detection_threshold {self.detection_threshold} is no number")
        if self.window_px < 3 or self.window_px % 2 == 0:
            raise ValueError(f"window_px {self.window_px}: odd, and at least 3")


class DiskExtractor:
    """Finds peaks of a heat map, and takes the network's descriptor of the pixel."""

    def __init__(self, model: Any, options: DiskOptions, device: str) -> None:
        import torch

        self._model = model.to(device).eval()
        self._options = options
        self._device = torch.device(device)

    def extract(self, image: recon.Image) -> recon.Features:
        """Return at most `max_keypoints` features, the best by score; none for a blank image."""
        import torch
        from torch.nn import functional

        width, height = image.size
        with torch.inference_mode():
            maps = self._model.heatmap_and_dense_descriptors(self._network_input(image))
            heatmap, dense = (each[0, :, :height, :width] for each in maps)
            rows, columns, scores = self._peaks(heatmap[0], image)
            descriptors = functional.normalize(dense[:, rows, columns].T, dim=1)
        return recon.Features(
            keypoints=np.stack([columns.cpu().numpy(), rows.cpu().numpy()], 1).astype(np.float32) + np.float32(0.5),
            descriptors=descriptors.float().cpu().numpy(),
            image_size=image.size,
            scores=scores.float().cpu().numpy(),
        )

    def _network_input(self, image: recon.Image) -> torch.Tensor:
        """Return (1, 3, H, W), 0 to 1, continued at the right and at the bottom to multiples of the stride."""
        import torch

        width, height = image.size
        beyond = [(0, max(-side % _STRIDE_PX, _MIN_SIDE_PX - side)) for side in (height, width)]
        pixels = np.pad(image.pixels, [*beyond, (0, 0)], mode="edge")
        return torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()).to(self._device).float() / 255

    def _peaks(self, heatmap: torch.Tensor, image: recon.Image) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return rows, columns and scores of the highest peaks of the (H, W) heat map, in reading order.

        Of equal neighbours all are peaks, except where the whole surroundings are equal: nothing stands out there.
        """
        import torch
        from torch.nn import functional

        window = self._options.window_px

        def highest(values: torch.Tensor) -> torch.Tensor:
            return functional.max_pool2d(values[None, None], window, stride=1, padding=window // 2)[0, 0]

        is_peak = (heatmap == highest(heatmap)) & (heatmap > -highest(-heatmap))
        is_peak &= heatmap > self._options.detection_threshold
        # Where the photo is one colour, as in a burnt-out sky, peaks come from the network and the border alone.
        is_peak &= torch.from_numpy(_has_contrast(image.pixels)).to(self._device)
        if image.mask is not None:
            is_peak &= torch.from_numpy(image.mask != 0).to(self._device)
        places = is_peak.flatten().nonzero()[:, 0]
        scores = heatmap.flatten()[places]
        if len(places) > self._options.max_keypoints:
            best = scores.argsort(descending=True, stable=True)[: self._options.max_keypoints].sort().values
            places, scores = places[best], scores[best]
        return places // heatmap.shape[1], places % heatmap.shape[1], scores


def _has_contrast(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return (H, W) whether the surroundings of a pixel have more than one colour."""
    import cv2

    square = np.ones((_STRIDE_PX + 1, _STRIDE_PX + 1), np.uint8)
    differs: npt.NDArray[np.bool_] = (cv2.dilate(pixels, square) != cv2.erode(pixels, square)).any(axis=2)
    return differs


def new_model() -> Any:
    """Return kornia's network with random weights; nothing is downloaded."""
    from kornia.feature import DISK

    return DISK()


def _create(options: DiskOptions, context: recon.RunContext) -> DiskExtractor:
    import torch

    from .xfeat.weights import load_exactly, read_tensors

    model = new_model()
    torch.set_num_threads(context.threads)
    path = context.weights(WEIGHTS.name)
    load_exactly(model, read_tensors(path, "disk"), path, "disk")
    return DiskExtractor(model, options, context.device)


@recon.hookimpl
def recon_feature_extractors() -> list[recon.ComponentSpec[recon.FeatureExtractor]]:
    """Offer `disk`."""
    return [
        recon.ComponentSpec(
            name="disk",
            summary="DISK (kornia): many keypoints on whole pixels, 128-D descriptors; slow without a GPU",
            options=DiskOptions,
            create=_create,
            licence="Apache-2.0",
            weights=(WEIGHTS,),
            devices=("cpu", "cuda", "mps"),
            position_tolerance_px=1.0,
        )
    ]
