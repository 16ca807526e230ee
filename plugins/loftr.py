"""LoFTR (Sun et al., CVPR 2021) through kornia: attention between all parts of two photos, no keypoints at all.

Its weights are a file that the user gives; kornia names the published ones (outdoor: trained on MegaDepth).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import recon

if TYPE_CHECKING:
    import torch

Float32Array = npt.NDArray[np.float32]
UInt8Array = npt.NDArray[np.uint8]

_PUBLISHED = "http://cmp.felk.cvut.cz/~mishkdmy/models/loftr_outdoor.ckpt"
_LEAST_SIDE = 64
"""Pixels: the two outermost cells of 8 pixels on each side are never matched."""


@dataclass(frozen=True, slots=True)
class LoftrOptions:
    """Options of the `loftr` matcher."""

    weights: Path | None = None
    """The checkpoint, as kornia reads it; the outdoor one is meant for buildings and landscapes."""
    max_size: int = 840
    """Longest side in pixels of what the network sees, as in its training; its memory grows with the fourth power."""
    min_confidence: float = 0.2
    """Least score of a match, 0 to 1 (0.2 from the authors)."""
    max_matches: int = 4096
    """The best of a pair are kept."""

    def __post_init__(self) -> None:
        if self.max_size < _LEAST_SIDE:
            raise ValueError(f"max_size {self.max_size}: at least {_LEAST_SIDE}")
        if not 0 <= self.min_confidence < 1:
            raise ValueError(f"min_confidence {self.min_confidence}: 0 or more, and below 1")
        if self.max_matches < 1:
            raise ValueError(f"max_matches {self.max_matches}: at least 1")


class LoftrMatcher:
    """Matches the cells of image 1, 8 pixels apart, with places between the pixels of image 2."""

    def __init__(self, network: torch.nn.Module, device: str, options: LoftrOptions) -> None:
        self._network = network
        self._device = device
        self._options = options

    def match_images(self, image1: recon.Image, image2: recon.Image) -> recon.PairPositions:
        """Return at most `max_matches` positions, the best first; none where an image is smaller than 64 pixels."""
        import torch

        seen = [_reduced(image.pixels, self._options.max_size) for image in (image1, image2)]
        if min(min(grey.shape) for grey in seen) < _LEAST_SIDE:
            return _none()
        batch = {f"image{side}": torch.from_numpy(grey)[None, None].to(self._device) for side, grey in enumerate(seen)}
        with torch.inference_mode():
            found = self._network(batch)
        xy1, xy2 = (
            _in_image(found[f"keypoints{side}"], grey, image)
            for side, (grey, image) in enumerate(zip(seen, (image1, image2), strict=True))
        )
        scores = found["confidence"].float().cpu().numpy()
        kept = _is_seen(xy1, image1) & _is_seen(xy2, image2) & np.isfinite(scores)
        rows = np.flatnonzero(kept)
        rows = rows[np.argsort(-scores[rows], kind="stable")[: self._options.max_matches]]
        return recon.PairPositions(xy1[rows], xy2[rows], scores[rows])


def _reduced(pixels: UInt8Array, max_size: int) -> Float32Array:
    """Return (h, w) grey values, 0 to 1, the longer side at most `max_size`."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = max_size / max(grey.shape)
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in grey.shape[::-1])
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return (grey / np.float32(255)).astype(np.float32)


def _in_image(xy: torch.Tensor, seen: Float32Array, image: recon.Image) -> Float32Array:
    """Return positions in the image; the network's own have their origin at the image's corner, as COLMAP's."""
    zoom = np.array(image.size) / np.array(seen.shape[::-1])
    places: Float32Array = np.clip(xy.double().cpu().numpy() * zoom, 0, image.size).astype(np.float32)
    return places


def _is_seen(xy: Float32Array, image: recon.Image) -> npt.NDArray[np.bool_]:
    if image.mask is None:
        return np.ones(len(xy), np.bool_)
    columns, rows = np.minimum(xy.astype(np.intp), np.array(image.size) - 1).T
    seen: npt.NDArray[np.bool_] = image.mask[rows, columns] > 0
    return seen


def _none() -> recon.PairPositions:
    empty = np.zeros((0, 2), np.float32)
    return recon.PairPositions(empty, empty.copy(), np.zeros(0, np.float32))


def _create(options: LoftrOptions, context: recon.RunContext) -> recon.ImageMatcher:
    if options.weights is None:
        raise recon.ReconError(
            "loftr has no weights of its own, and was given none",
            code=recon.Cause.MISSING_WEIGHTS,
            try_=f"fetch {_PUBLISHED} by hand and give --set loftr.weights=FILE; xfeat-star sees pixels too",
        )
    if not options.weights.is_file():
        raise recon.UsageError(
            f"the weights given for loftr do not exist: {options.weights}",
            code=recon.Cause.MISSING_FILE,
            file=str(options.weights),
            try_="check the path given by --set loftr.weights",
        )
    import torch

    torch.set_num_threads(context.threads)
    network = _load_network(options.weights, options.min_confidence)
    return LoftrMatcher(network.to(context.device), context.device, options)


def _load_network(path: Path, min_confidence: float) -> torch.nn.Module:
    from kornia.feature import LoFTR
    from kornia.feature.loftr.loftr import default_cfg

    from .xfeat.weights import load_exactly, read_tensors

    config: dict[str, Any] = copy.deepcopy(default_cfg)
    config["match_coarse"]["thr"] = min_confidence
    network = LoFTR(pretrained=None, config=config).eval().requires_grad_(False)
    tensors = {name.removeprefix("matcher."): tensor for name, tensor in read_tensors(path, "loftr").items()}
    load_exactly(network, tensors, path, "loftr")
    return network


@recon.hookimpl
def recon_image_matchers() -> list[recon.ComponentSpec[recon.ImageMatcher]]:
    """Offer `loftr`."""
    return [
        recon.ComponentSpec(
            name="loftr",
            summary="LoFTR (kornia): matches pixels by attention, where there are no corners; slow, weights by file",
            options=LoftrOptions,
            create=_create,
            licence="Apache-2.0",
            devices=("cpu", "cuda", "mps"),
        )
    ]
