"""The extractor: a photo through the network, to keypoints and their descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import recon

from . import WEIGHTS, XFeatOptions
from .descriptors import sampled_bilinearly, sampled_descriptors
from .folding import FoldedNetwork
from .heatmap import averaged_heat_map
from .inference import number_format, one_thread
from .keypoints import centers_of_mass, masses, peaks
from .network import STRIDE, load_network
from .preparation import Prepared, is_blank, padded, resized

Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

_EXACT_THRESHOLD = 0.05
_FLOOR = 0.1
"""Peaks of less than this share of the threshold are noise, and fill up nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class DenseMaps:
    """What the network says about a photo, on the CPU in float32."""

    features: torch.Tensor
    """(h, w, 64), not normalised."""
    reliability: Float32Array
    """(h, w), 0 to 1."""
    heat: Float32Array
    """(8 h, 8 w) probabilities."""


def create_extractor(options: XFeatOptions, context: recon.RunContext) -> recon.FeatureExtractor:
    """Return the extractor that the options describe."""
    network = load_network(context.weights(WEIGHTS.name))
    device = torch.device(context.device)
    if options.exact:
        return ExactExtractor(FoldedNetwork(network, device, torch.float32), device, options.max_keypoints)
    return XFeatExtractor(FoldedNetwork(network, device, number_format(options.precision, device)), device, options)


class ExactExtractor:
    """Upstream's `detectAndCompute`: whole pixels, one grid, and the mixed conventions it was published with."""

    def __init__(self, network: FoldedNetwork, device: torch.device, max_keypoints: int) -> None:
        self._network, self._device, self._max_keypoints = network, device, max_keypoints

    @one_thread()
    def extract(self, image: recon.Image) -> recon.Features:
        """Return at most `max_keypoints` features, the best first; none for a blank image."""
        prepared = resized(image.pixels)
        if is_blank(prepared):
            return _no_features(image)
        maps = _dense_maps(self._network, self._device, prepared, grids=1)
        columns, rows = peaks(maps.heat, _EXACT_THRESHOLD)
        width, height = prepared.size
        inner = (columns < width - 1) & (rows < height - 1)  # upstream reads their score beyond the border: 0
        columns, rows = columns[inner], rows[inner]
        zoom = np.array(prepared.zoom)
        places = np.minimum(np.column_stack([columns, rows]) * zoom + 0.5, image.size).astype(np.float32)
        # Pixel x is sought at x / (W - 1) of the map's width, which is half a pixel off at the borders.
        across = (columns * (width // STRIDE) / (width - 1) - 0.5).astype(np.float32)
        down = (rows * (height // STRIDE) / (height - 1) - 0.5).astype(np.float32)
        scores = maps.heat[rows, columns] * sampled_bilinearly(maps.reliability, across, down)
        seen = _is_seen(columns + 0.5, rows + 0.5, prepared, image)
        kept = _best(np.where(seen, scores, 0), self._max_keypoints)
        return recon.Features(
            keypoints=places[kept],
            descriptors=sampled_descriptors(maps.features, across[kept], down[kept]).numpy(),
            image_size=image.size,
            scores=scores[kept],
        )


class XFeatExtractor:
    """XFeat with the same weights, its positions mended."""

    def __init__(self, network: FoldedNetwork, device: torch.device, options: XFeatOptions) -> None:
        self._network, self._device, self._options = network, device, options

    @one_thread()
    def extract(self, image: recon.Image) -> recon.Features:
        """Return at most `max_keypoints` features, the best first; none for a blank image."""
        options = self._options
        prepared = (padded if options.fit == "pad" else resized)(image.pixels)
        if is_blank(prepared):
            return _no_features(image)
        maps = _dense_maps(self._network, self._device, prepared, options.grids)
        width, height = prepared.size
        heat = maps.heat[:height, :width]
        columns, rows = peaks(heat, _FLOOR * options.threshold)
        seen = _is_seen(columns + 0.5, rows + 0.5, prepared, image)
        columns, rows = columns[seen], rows[seen]
        across, down = (((line + 0.5) / STRIDE - 0.5).astype(np.float32) for line in (columns, rows))
        scores = masses(heat)[rows, columns] * sampled_bilinearly(maps.reliability, across, down)
        is_high = heat[rows, columns] > options.threshold
        kept = _best(np.where(is_high, scores, 0), options.max_keypoints)
        if len(kept) < options.min_keypoints:
            kept = _best(scores, min(options.min_keypoints, options.max_keypoints))
        columns, rows = columns[kept], rows[kept]
        x, y = columns + 0.5, rows + 0.5
        if options.subpixel:
            along, down = centers_of_mass(heat, columns, rows)
            x, y = np.clip(x + along, 0, width), np.clip(y + down, 0, height)
        across, down = ((line / STRIDE - 0.5).astype(np.float32) for line in (x, y))
        return recon.Features(
            keypoints=(np.column_stack([x, y]) * prepared.zoom).astype(np.float32),
            descriptors=sampled_descriptors(maps.features, across, down).numpy(),
            image_size=image.size,
            scores=scores[kept],
        )


def _dense_maps(network: FoldedNetwork, device: torch.device, prepared: Prepared, grids: int) -> DenseMaps:
    with torch.inference_mode():
        grey = torch.from_numpy(prepared.grey).to(device)
        features, reliability = network.features(grey)
        heat = averaged_heat_map(grey, network.keypoint_logits, grids)
        return DenseMaps(features.cpu(), reliability.cpu().numpy(), np.ascontiguousarray(heat.cpu().numpy()))


def _best(scores: Float32Array, count: int) -> IndexArray:
    """Return the rows of the `count` largest scores above 0, in descending order."""
    rows = np.flatnonzero(scores > 0)
    if len(rows) > count:
        rows = np.sort(rows[np.argpartition(-scores[rows], count - 1)[:count]])
    return rows[np.argsort(-scores[rows], kind="stable")]


def _is_seen(
    x: npt.NDArray[np.floating[Any]], y: npt.NDArray[np.floating[Any]], prepared: Prepared, image: recon.Image
) -> npt.NDArray[np.bool_]:
    """Return (N,) whether the mask keeps the pixel of the photo in which a place of the prepared one lies."""
    if image.mask is None:
        return np.ones(len(x), np.bool_)
    width, height = image.size
    columns = np.minimum((x * prepared.zoom[0]).astype(np.intp), width - 1)
    rows = np.minimum((y * prepared.zoom[1]).astype(np.intp), height - 1)
    return np.asarray(image.mask[rows, columns] > 0)


def _no_features(image: recon.Image) -> recon.Features:
    empty = np.zeros((0, 2), np.float32)
    return recon.Features(empty, np.zeros((0, 64), np.float32), image.size, np.zeros(0, np.float32))
