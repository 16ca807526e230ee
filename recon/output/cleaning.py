"""A model without the points that are uncertain, and without those that lie far from all others."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, ReconError
from recon.output.certain_points import certain_points

if TYPE_CHECKING:
    import pycolmap

MIN_TRACK_LENGTH = 2
"""Where photos overlap little, most good points are seen by two: three would take 2095 of the 2825 of lund_walk."""
NUM_NEIGHBOURS = 16
MAX_DEVIATIONS = 2.5
_KD_TREE: dict[str, bool | int | float | str] = {
    "algorithm": 4,
    "leaf_max_size": 10,
}  # FLANN's KDTREE_SINGLE, which is exact


@dataclass(frozen=True, slots=True, eq=False)
class CleanedModel:
    """A model whose points are all certain and near others."""

    model: pycolmap.Reconstruction
    num_uncertain: int
    """Points left out for a large error, or rays that are almost parallel."""
    num_strays: int
    """Points left out because they lie far from all others."""

    def describe(self) -> str:
        """Return a line for people."""
        return f"{self.num_uncertain:,} uncertain points and {self.num_strays:,} far from all others stay out (--clean)"

    def as_dict(self) -> dict[str, int]:
        """Return the counts, for JSON."""
        return {"uncertain": self.num_uncertain, "strays": self.num_strays}


def cleaned(model: pycolmap.Reconstruction) -> CleanedModel:
    """Return a copy of a model with its certain points that are no strays; the photos and poses are the model's.

    Raises:
        ReconError: MODEL_TOO_SMALL, nothing would be left.
    """
    certain = certain_points(model, MIN_TRACK_LENGTH)
    positions = np.array([model.point3D(point_id).xyz for point_id in certain], np.float64).reshape(-1, 3)
    kept = {point_id for point_id, stray in zip(certain, are_strays(positions), strict=True) if not stray}
    if not kept:
        raise ReconError(
            f"none of the model's {model.num_points3D():,} points is certain",
            code=Cause.MODEL_TOO_SMALL,
            try_="export it without --clean, or make a better model: recon run --preset best",
        )
    clean = copy(model)
    for point_id in set(clean.points3D) - kept:
        clean.delete_point3D(point_id)
    return CleanedModel(clean, model.num_points3D() - len(certain), len(certain) - len(kept))


def are_strays(positions: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which points lie unusually far from their nearest neighbours (statistical outlier removal, Rusu 2008).

    Here on logarithms: one point that lies a thousand times too far away would hide all others, and a background is
    sparser than what stands before it by a factor.

    Args:
        positions: (N, 3), finite.

    Returns:
        (N,) bool.
    """
    if len(positions) <= NUM_NEIGHBOURS:
        return np.zeros(len(positions), np.bool_)
    distances = np.log(np.maximum(_neighbour_distances(positions), np.finfo(np.float32).tiny))
    limit = distances.mean() + MAX_DEVIATIONS * distances.std() + 1e-9  # where all are alike, rounding
    strays: npt.NDArray[np.bool_] = distances > limit
    return strays


def _neighbour_distances(positions: FloatArray) -> FloatArray:
    """Return (N,) the mean distance of each point to its nearest neighbours, in units of the cloud's size."""
    import cv2

    centered = positions - np.median(positions, axis=0)
    size = np.median(np.abs(centered)) or 1.0
    points = np.ascontiguousarray(np.clip(centered / size, -1e18, 1e18), np.float32)
    _, squared = cv2.flann.Index(points, _KD_TREE).knnSearch(points, NUM_NEIGHBOURS + 1, params={"checks": -1})
    distances: FloatArray = np.sqrt(np.asarray(squared, np.float64)[:, 1:]).mean(axis=1)
    return distances
