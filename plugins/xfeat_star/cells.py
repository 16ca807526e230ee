"""The cells of a photo that are matched: the most reliable ones at two sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

import recon

from ..xfeat.folding import FoldedNetwork
from ..xfeat.network import STRIDE, XFeatNetwork, resized
from ..xfeat.preparation import is_blank, padded

Float32Array = npt.NDArray[np.float32]

SIZES = ((0.6, 0.2), (1.3, 0.8))
"""Scale at which the photo is seen, and share of the cells taken there (upstream's)."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of 8x8 pixels of the photo as the network saw it, at either size."""

    corners: Tensor
    """(N, 2) pixels of the photo: the cell's top-left corner, the photo's own being (0, 0). On the CPU."""
    zooms: Tensor
    """(N, 2) pixels of the photo in a pixel as the network saw it, across and down. On the CPU."""
    descriptors: Tensor
    """(N, 64), not normalised, on the network's device."""

    def __len__(self) -> int:
        return len(self.corners)


class CellFinder(Protocol):
    """Finds the cells of a photo."""

    def find(self, image: recon.Image) -> Cells:
        """Return the most reliable cells; none of a blank image."""
        ...


class MendedCells:
    """The photo is padded to whole cells of the coarsest map, and cells that reach beyond its edge are left out."""

    def __init__(self, network: FoldedNetwork, device: torch.device, count: int) -> None:
        self._network, self._device, self._count = network, device, count

    def find(self, image: recon.Image) -> Cells:
        """Return at most `count` cells."""
        found = [self._at(image, scale, max(1, int(share * self._count))) for scale, share in SIZES]
        return _joined(found)

    def _at(self, image: recon.Image, scale: float, count: int) -> Cells:
        width, height = (max(1, math.floor(side * scale)) for side in image.size)
        small = cv2.resize(image.pixels, (width, height), interpolation=cv2.INTER_LINEAR)
        prepared = padded(small)  # type: ignore[arg-type]
        if is_blank(prepared):
            return _no_cells(self._device)
        grey = torch.from_numpy(prepared.grey).to(self._device)
        features, reliability = self._network.features(grey)
        features, reliability = (each[: height // STRIDE, : width // STRIDE] for each in (features, reliability))
        zoom = torch.tensor([image.size[0] / width, image.size[1] / height])
        middles = _corners(reliability) * zoom + STRIDE / 2 * zoom
        is_seen = torch.from_numpy(_is_seen(middles.numpy(), image)).to(self._device)
        best = _best(torch.where(is_seen, reliability.flatten(), -1), count)
        descriptors = features.reshape(-1, features.shape[2])[best]
        corners = (_corners(reliability) * zoom)[best.cpu()]
        return Cells(corners, zoom.expand(len(corners), 2), descriptors)


class ExactCells:
    """Upstream's `detectAndComputeDense`: resized to multiples of 32, and its zoom forgotten by the fine matcher."""

    def __init__(self, network: XFeatNetwork, device: torch.device, count: int) -> None:
        self._network, self._device, self._count = network.to(device), device, count

    def find(self, image: recon.Image) -> Cells:
        """Return int(0.2 * count) and int(0.8 * count) cells; every one where that is 0."""
        if min(image.size) < 2 or (image.pixels == image.pixels[0, 0]).all():
            return _no_cells(self._device)
        pixels = torch.from_numpy(image.pixels.astype(np.float32) / 255).permute(2, 0, 1)[None].to(self._device)
        return _joined([self._at(pixels, scale, int(share * self._count)) for scale, share in SIZES])

    def _at(self, pixels: Tensor, scale: float, count: int) -> Cells:
        small = functional.interpolate(pixels, scale_factor=scale, mode="bilinear", align_corners=False)
        seen = resized(small)
        features, _, reliability = self._network(seen)
        features, reliability = features[0].permute(1, 2, 0), reliability[0, 0]
        best = _best(reliability.flatten(), count or reliability.numel())
        zoom = torch.tensor([small.shape[3] / seen.shape[3], small.shape[2] / seen.shape[2]])
        corners = (_corners(reliability) * zoom / scale)[best.cpu()]
        return Cells(corners, torch.full_like(corners, 1 / scale), features.reshape(-1, features.shape[2])[best])


def _corners(reliability: Tensor) -> Tensor:
    """Return (h * w, 2) the top-left corner of each cell, in pixels as the network saw them."""
    rows, columns = reliability.shape
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return STRIDE * torch.stack([across.flatten(), down.flatten()], dim=1).float()


def _best(reliability: Tensor, count: int) -> Tensor:
    """Return the rows of the `count` largest values that are not negative, largest first."""
    order = torch.sort(reliability, descending=True, stable=True)
    return order.indices[: min(count, int((reliability >= 0).sum()))]


def _is_seen(places: Float32Array, image: recon.Image) -> npt.NDArray[np.bool_]:
    """Return (N,) whether the mask keeps the pixel that a place lies in."""
    if image.mask is None:
        return np.ones(len(places), np.bool_)
    columns, rows = np.minimum(places.astype(np.intp), np.array(image.size) - 1).T
    seen: npt.NDArray[np.bool_] = image.mask[rows, columns] > 0
    return seen


def _joined(parts: list[Cells]) -> Cells:
    return Cells(*(torch.cat([getattr(part, name) for part in parts]) for name in ("corners", "zooms", "descriptors")))


def _no_cells(device: torch.device) -> Cells:
    return Cells(torch.zeros(0, 2), torch.zeros(0, 2), torch.zeros(0, 64, device=device))
