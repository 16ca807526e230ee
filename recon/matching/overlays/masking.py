"""The part of photos of one size that stands still, as a mask of square cells, and features without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.data import Features, ImageFile
from recon.matching.features import FeatureSet, FeatureSource
from recon.matching.mask_pixels import features_at
from recon.workspace.features import FeatureStore

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """What photos of one size have in common that does not belong to the scene."""

    image_size: tuple[int, int]
    """Width and height of the photos, sensor pixels."""
    cell_px: float
    covered: Mask
    """(R, C) whether a cell is covered; the first cell begins at the top-left corner."""

    @property
    def share(self) -> float:
        """The covered share of the picture."""
        return float(self.covered.mean())

    def covers(self, xy: FloatArray) -> Mask:
        """Return (N,) whether each position, in sensor pixels, is covered."""
        rows, columns = self.covered.shape
        cells = (np.asarray(xy, np.float64).reshape(-1, 2) / self.cell_px).astype(np.intp)
        return np.asarray(self.covered[cells[:, 1].clip(0, rows - 1), cells[:, 0].clip(0, columns - 1)])

    def as_dict(self) -> dict[str, Any]:
        """Return the overlay for JSON; `from_dict` reads it."""
        rows = ["".join("#" if cell else "." for cell in row) for row in self.covered.tolist()]
        return {"image_size": list(self.image_size), "cell_px": self.cell_px, "covered": rows}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Overlay:
        """Return the overlay that `as_dict` wrote."""
        width, height = entry["image_size"]
        covered = np.array([[cell == "#" for cell in row] for row in entry["covered"]], bool)
        return cls((int(width), int(height)), float(entry["cell_px"]), covered)


def kept_rows(features: Features, overlays: Sequence[Overlay]) -> Mask | None:
    """Return (N,) which keypoints are not covered; None where all are kept."""
    for overlay in overlays:
        if overlay.image_size == features.image_size:
            kept = ~overlay.covers(features.keypoints)
            return None if kept.all() else kept
    return None


class WithoutOverlays(FeatureSet):
    """The features of photos, without the keypoints that an overlay covers."""

    def __init__(
        self,
        images: Iterable[ImageFile],
        keys: Mapping[str, str],
        store: FeatureStore,
        make_extraction: Callable[[], FeatureSource],
        overlays: Sequence[Overlay],
    ) -> None:
        super().__init__(images, keys, store, make_extraction)
        self._overlays = overlays

    def __getitem__(self, name: str) -> Features:
        features = super().__getitem__(name)
        kept = kept_rows(features, self._overlays)
        if kept is None:
            return features
        return features_at(features, kept)

    def colours(self, name: str) -> UInt8Array:
        """Return the (N, 3) uint8 RGB colour of each keypoint that is kept."""
        colours = super().colours(name)
        kept = kept_rows(super().__getitem__(name), self._overlays)
        return colours if kept is None else colours[kept]
