"""The extractor: a photo through the network, to keypoints and their descriptors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import recon

from . import WEIGHTS, XFeatOptions
from .descriptors import sampled_bilinearly, sampled_descriptors
from .folding import FoldedNetwork
from .heatmap import MeanHeatMap, heat_map
from .inference import number_format, one_thread
from .keypoints import centers_of_mass, masses, peaks
from .network import STRIDE, load_network
from .preparation import Prepared, is_blank, padded, resized
from .winograd import fast_chain

Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.intp]

_EXACT_THRESHOLD = 0.05
_FLOOR = 0.1
"""Peaks of less than this share of the threshold are noise, and fill up nothing."""
_LIKELY = 1.5
"""So many times `max_keypoints` are likely by the first grids: with 1.25, two matches in a hundred are lost."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Peaks of a heat map, of which the best become keypoints."""

    columns: IndexArray
    """(N,) whole pixels."""
    rows: IndexArray
    scores: Float32Array
    """(N,) how likely a keypoint is around there, times its reliability."""

    def __getitem__(self, chosen: IndexArray) -> Candidates:
        return Candidates(self.columns[chosen], self.rows[chosen], self.scores[chosen])


def create_extractor(options: XFeatOptions, context: recon.RunContext) -> recon.FeatureExtractor:
    """Return the extractor that the options describe."""
    network = load_network(context.weights(WEIGHTS.name))
    device = torch.device(context.device)
    if options.exact:
        return ExactExtractor(FoldedNetwork(network, device, torch.float32), device, options.max_keypoints)
    folded = FoldedNetwork(network, device, number_format(options.precision, device), fast_chain)
    return XFeatExtractor(folded, device, options)


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
        with torch.inference_mode():
            grey = torch.from_numpy(prepared.grey).to(self._device)
            features, reliability = _on_cpu(*self._network.features(grey))
            heat = heat_map(grey, self._network.keypoint_logits).cpu().numpy()
        columns, rows = peaks(heat, _EXACT_THRESHOLD)
        width, height = prepared.size
        inner = (columns < width - 1) & (rows < height - 1)  # upstream reads their score beyond the border: 0
        columns, rows = columns[inner], rows[inner]
        zoom = np.array(prepared.zoom)
        places = np.minimum(np.column_stack([columns, rows]) * zoom + 0.5, image.size).astype(np.float32)
        # Pixel x is sought at x / (W - 1) of the map's width, which is half a pixel off at the borders.
        across = (columns * (width // STRIDE) / (width - 1) - 0.5).astype(np.float32)
        down = (rows * (height // STRIDE) / (height - 1) - 0.5).astype(np.float32)
        scores = heat[rows, columns] * sampled_bilinearly(reliability, across, down)
        seen = _is_seen(columns + 0.5, rows + 0.5, prepared, image)
        kept = _best(np.where(seen, scores, 0), self._max_keypoints)
        return recon.Features(
            keypoints=places[kept],
            descriptors=sampled_descriptors(features, across[kept], down[kept]).numpy(),
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
        with torch.inference_mode():
            grey = torch.from_numpy(prepared.grey).to(self._device)
            features, reliability = _on_cpu(*self._network.features(grey))
            find = partial(self._candidates, reliability=reliability, prepared=prepared, image=image)
            heat = self._heat(grey, find)
        found = find(heat)
        found = found[_best(found.scores, options.max_keypoints)]
        x, y = found.columns + 0.5, found.rows + 0.5
        width, height = prepared.size
        if options.subpixel:
            along, down = centers_of_mass(heat[:height, :width], found.columns, found.rows)
            x, y = np.clip(x + along, 0, width), np.clip(y + down, 0, height)
        across, down = ((line / STRIDE - 0.5).astype(np.float32) for line in (x, y))
        return recon.Features(
            keypoints=(np.column_stack([x, y]) * prepared.zoom).astype(np.float32),
            descriptors=sampled_descriptors(features, across, down).numpy(),
            image_size=image.size,
            scores=found.scores,
        )

    def _heat(self, grey: torch.Tensor, find: Callable[[Float32Array], Candidates]) -> Float32Array:
        """Return the heat map, as good as can be where it has the peaks that count."""
        options, head = self._options, self._network.keypoint_logits
        if options.grids == 1:
            return np.asarray(heat_map(grey, head).cpu().numpy())
        maps = MeanHeatMap(grey, head, options.grids)
        num_likely = int(_LIKELY * options.max_keypoints)
        # Small photos have keypoints in most cells, and a GPU is done with all before it has found which ones matter.
        if num_likely > grey.numel() / STRIDE**2 or self._device.type != "cpu":
            return np.asarray(maps.mean().cpu().numpy())
        found = find(maps.first_mean().numpy())
        likely = found[_best(found.scores, num_likely)]
        return np.asarray(maps.mean_near(likely.columns, likely.rows).numpy())

    def _candidates(
        self, heat: Float32Array, reliability: Float32Array, prepared: Prepared, image: recon.Image
    ) -> Candidates:
        """Return the peaks above the threshold; where they are few, the best of the lower ones with them."""
        width, height = prepared.size
        heat = heat[:height, :width]
        mass = masses(heat)

        def above(threshold: float) -> Candidates:
            columns, rows = peaks(heat, threshold)
            seen = _is_seen(columns + 0.5, rows + 0.5, prepared, image)
            columns, rows = columns[seen], rows[seen]
            across, down = (((line + 0.5) / STRIDE - 0.5).astype(np.float32) for line in (columns, rows))
            scores = mass[rows, columns] * sampled_bilinearly(reliability, across, down)
            return Candidates(columns, rows, scores)

        found = above(self._options.threshold)
        if len(found.scores) < self._options.min_keypoints:
            found = above(_FLOOR * self._options.threshold)
            found = found[_best(found.scores, self._options.min_keypoints)]
        return found


def _on_cpu(features: torch.Tensor, reliability: torch.Tensor) -> tuple[torch.Tensor, Float32Array]:
    return features.cpu(), reliability.cpu().numpy()


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
