"""The large planes in a cloud of points: walls, floors, table tops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recon.core.arrays import FloatArray

_MOST_POINTS = 4000
_DRAWS = 400
_MOST_PLANES = 4
_LEAST_SHARE = 0.12
"""Of the points, for a plane to count as a large one."""
_THICKNESS = 0.01
"""Of the cloud's size: how far from a plane its points may lie."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One plane."""

    normal: FloatArray
    """(3,) of length 1, of either sign."""
    share: float
    """Of all points that lie in it."""


def large_planes(points: FloatArray) -> list[Plane]:
    """Return the planes that hold a good share of (N, 3) points, the largest first; the same for the same points.

    RANSAC, Fischler and Bolles 1981, one plane after the other, each fitted to its points.
    """
    random = np.random.default_rng(0)
    rest = points[np.isfinite(points).all(axis=1)]
    if len(rest) > _MOST_POINTS:
        rest = rest[np.sort(random.choice(len(rest), _MOST_POINTS, replace=False))]
    num_all = len(rest)
    if num_all < 30:
        return []
    center = np.median(rest, axis=0)
    thickness = _THICKNESS * 2 * float(np.median(np.linalg.norm(rest - center, axis=1)))
    planes: list[Plane] = []
    while len(planes) < _MOST_PLANES and len(rest) >= max(3, _LEAST_SHARE * num_all):
        is_near = _best_plane(rest, thickness, random)
        if is_near.sum() < _LEAST_SHARE * num_all:
            break
        normal = np.linalg.svd(rest[is_near] - rest[is_near].mean(axis=0), full_matrices=False)[2][2]
        planes.append(Plane(normal, float(is_near.sum()) / num_all))
        rest = rest[~is_near]
    return planes


def _best_plane(points: FloatArray, thickness: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return (N,): the points of the plane through three of them that holds most."""
    corners = points[random.integers(len(points), size=(_DRAWS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    is_plane = lengths > 0
    if not is_plane.any():
        return np.zeros(len(points), bool)
    normals = normals[is_plane] / lengths[is_plane, None]
    heights = points @ normals.T - np.einsum("kc,kc->k", corners[is_plane, 0], normals)
    is_near = np.abs(heights) < thickness
    best: NDArray[np.bool_] = is_near[:, int(np.argmax(is_near.sum(axis=0)))]
    return best
