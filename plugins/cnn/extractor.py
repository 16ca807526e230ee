"""The extractor: a photo through the network, to keypoints and their descriptors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import recon

from ..xfeat.inference import number_format, one_thread
from ..xfeat.keypoints import peaks
from ..xfeat.winograd import fast_chain
from . import CnnOptions
from .architecture import OWN, NamedNetwork
from .description import Describer
from .folding import FoldedNetwork
from .keypoints import Placer
from .network import DESCRIPTOR_LENGTH, CnnNetwork
from .preparation import prepared
from .weights import load_weights, shipped_weights

Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]
Look = Callable[[Tensor], tuple[Tensor, Mapping[int, Tensor]]]
"""(H, W) normalised image -> (H, W) keypoint logits and the levels, (h, w, C) each, by stride."""

_FLOOR = 0.1
"""Peaks of less than this share of the threshold are noise, and fill up nothing."""
_DESCRIBED = 1.25
"""So many times `max_keypoints` are described; the least reliable of them are left out."""


def create_extractor(options: CnnOptions, context: recon.RunContext) -> recon.FeatureExtractor:
    """Return the extractor that the options describe.

    Raises:
        ReconError: BAD_WEIGHTS, MISSING_WEIGHTS; MISSING_FILE.
    """
    network = load_network(options.backbone, options.weights)
    device = torch.device(context.device)
    dtype = number_format(options.precision, device)
    look: Look = (
        FoldedNetwork(network, dtype, fast_chain)
        if device.type == "cpu" and options.backbone == OWN
        else PlainNetwork(network, dtype, device)
    )
    describer, placer = Describer(network.description, dtype, device), Placer(network.placing, device)
    return CnnExtractor(look, describer, placer, device, options)


def load_network(backbone: str, weights: Path | None) -> NamedNetwork:
    """Return the network with the weights of a file, or those that come with recon; on the CPU, ready to infer."""
    network = NamedNetwork(backbone)
    load_weights(network, weights or shipped_weights(backbone))
    return network.eval().requires_grad_(False)


class PlainNetwork:
    """A network as it was trained, with any trunk, on any device."""

    def __init__(self, network: CnnNetwork, dtype: torch.dtype, device: torch.device) -> None:
        self._device, self._dtype = device, dtype
        self._network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, grey: Tensor) -> tuple[Tensor, Mapping[int, Tensor]]:
        """Return the (H, W) keypoint logits of a (H, W) normalised image, and its levels, (h, w, C), by stride."""
        is_short = self._dtype != torch.float32
        with torch.autocast(self._device.type, self._dtype if is_short else None, enabled=is_short):
            seen = self._network(grey[None, None])
        return seen.keypoint_logits[0], {stride: level[0].permute(1, 2, 0) for stride, level in seen.levels.items()}


class CnnExtractor:
    """Finds keypoints at full resolution, and describes them at their places between the pixels."""

    def __init__(
        self, look: Look, describer: Describer, placer: Placer, device: torch.device, options: CnnOptions
    ) -> None:
        self._look, self._describer, self._placer = look, describer, placer
        self._device, self._options = device, options

    @one_thread()
    @torch.inference_mode()
    def extract(self, image: recon.Image) -> recon.Features:
        """Return at most `max_keypoints` features, the best first; none for a blank image."""
        grey = prepared(image.pixels)
        if grey is None:
            return _no_features(image)
        logits, levels = self._look(torch.from_numpy(grey).to(self._device))
        x, y, heights = self._places(grey, logits.cpu().numpy(), image)
        hidden = self._describer.hidden(levels, *(torch.from_numpy(line).to(self._device) for line in (x, y)))
        reliabilities = self._describer.reliabilities(hidden).cpu().numpy()
        scores = _likelihood(heights) * _likelihood(reliabilities)
        kept = _best(scores, self._options.max_keypoints)
        descriptors = self._describer.descriptors(hidden[torch.from_numpy(kept).to(self._device)])
        return recon.Features(
            keypoints=np.column_stack([x[kept], y[kept]]),
            descriptors=descriptors.cpu().numpy(),
            image_size=image.size,
            scores=scores[kept],
        )

    def _places(
        self, grey: Float32Array, logits: Float32Array, image: recon.Image
    ) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Return x, y and the logits of the likeliest keypoints, a few more than are wanted."""
        options = self._options
        width, height = image.size
        columns, rows = self._peaks(logits[:height, :width], image)
        heights = logits[rows, columns]
        some = np.sort(_best(heights, int(_DESCRIBED * options.max_keypoints)))  # neighbours share pixels
        columns, rows, heights = columns[some], rows[some], heights[some]
        x, y = (line.astype(np.float32) + np.float32(0.5) for line in (columns, rows))
        if options.subpixel:
            across, down = self._placer(grey, columns, rows)
            x, y = np.clip(x + across, 0, width), np.clip(y + down, 0, height)
        seen = _is_seen(x.astype(np.intp), y.astype(np.intp), image)
        return x[seen], y[seen], heights[seen]

    def _peaks(self, logits: Float32Array, image: recon.Image) -> tuple[IndexArray, IndexArray]:
        """Return the columns and rows of the peaks above the threshold; where they are few, the best lower ones too."""
        threshold = self._options.threshold
        columns, rows = peaks(logits, _logit(_FLOOR * threshold))
        seen = _is_seen(columns, rows, image)
        columns, rows = columns[seen], rows[seen]
        heights = logits[rows, columns]
        high = np.flatnonzero(heights > _logit(threshold))
        if len(high) < self._options.min_keypoints:
            high = np.sort(_best(heights, self._options.min_keypoints))
        return columns[high], rows[high]


def _best(scores: Float32Array, count: int) -> IndexArray:
    """Return the rows of the `count` largest scores, in descending order."""
    rows = np.arange(len(scores))
    if len(rows) > count:
        rows = np.sort(np.argpartition(-scores, count - 1)[:count])
    return rows[np.argsort(-scores[rows], kind="stable")]


def _is_seen(columns: IndexArray, rows: IndexArray, image: recon.Image) -> npt.NDArray[np.bool_]:
    """Return (N,) whether the mask keeps a pixel."""
    if image.mask is None:
        return np.ones(len(columns), np.bool_)
    width, height = image.size
    return np.asarray(image.mask[np.minimum(rows, height - 1), np.minimum(columns, width - 1)] > 0)


def _likelihood(logits: Float32Array) -> Float32Array:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _logit(likelihood: float) -> float:
    return float(np.log(likelihood / (1 - likelihood)))


def _no_features(image: recon.Image) -> recon.Features:
    empty = np.zeros((0, 2), np.float32)
    return recon.Features(empty, np.zeros((0, DESCRIPTOR_LENGTH), np.float32), image.size, np.zeros(0, np.float32))
