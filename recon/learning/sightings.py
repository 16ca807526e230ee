"""Where the keypoints of one rendered view appear in another: by rays, exactly, and only where they are seen.

Keypoints are pixels whose first has its centre at (0.5, 0.5); the scenes' cameras count from that centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray
from recon.scenes.camera import Camera

if TYPE_CHECKING:
    from recon.scenes.render import Stage

_HALF_PIXEL = 0.5
_SLOPE_PX = 1.5
"""How far around a keypoint its surface has to be flat for the slope to be known."""
_EDGE_PX = 2.5
"""How far around a keypoint nothing may stand in front of its surface or end it."""
_MOST_BEND_PX = 0.6
_MOST_JUMP_PX = 10.0
"""Bends and jumps are told by what they move in a photo from aside, as far aside as the surface is away."""
_SAME_DEPTH = 0.005
"""Relative difference of two depths of one surface."""
_MOST_STRETCH = 5.0
"""What another view shows larger or smaller than this, in any direction, looks too different."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What lies behind N keypoints."""

    points: FloatArray
    """(N, 3) in the world; NaN for the sky and for the outlines of things."""
    slopes: FloatArray
    """(N, 3, 2) how the points move with the keypoints, per pixel; NaN where the surface bends or ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Sightings:
    """M keypoints of one view that another view sees."""

    rows: IntArray
    """(M,) of the keypoints."""
    positions: FloatArray
    """(M, 2) float32 pixels of the other view."""
    jacobians: FloatArray
    """(M, 2, 2) float32 derivative of the map to the other view; NaN where unknown."""


def surface_behind(keypoints: FloatArray, camera: Camera, stage: Stage) -> Surface:
    """Return the surface that a camera sees at (N, 2) keypoints."""
    pixels = keypoints.astype(np.float64) - _HALF_PIXEL
    depth = stage.depth_at(camera, pixels).astype(np.float64)
    points = _points(camera, pixels, depth)
    slopes_x, bend_x = _along(camera, stage, pixels, depth, 0, _SLOPE_PX)
    slopes_y, bend_y = _along(camera, stage, pixels, depth, 1, _SLOPE_PX)
    jump = np.maximum(*(_along(camera, stage, pixels, depth, axis, _EDGE_PX)[1] for axis in (0, 1)))
    points[~(np.isfinite(depth) & (jump < _MOST_JUMP_PX))] = np.nan
    slopes = np.stack([slopes_x, slopes_y], axis=2)
    slopes[~(np.isfinite(points[:, 0]) & (np.maximum(bend_x, bend_y) < _MOST_BEND_PX))] = np.nan
    return Surface(points, slopes)


def _along(
    camera: Camera, stage: Stage, pixels: FloatArray, depth: FloatArray, axis: int, reach: float
) -> tuple[FloatArray, FloatArray]:
    """Return how points move per pixel along x or y, (N, 3), and how far their surface is from flat there, (N,)."""
    step = np.eye(2)[axis] * reach
    after, before = (stage.depth_at(camera, pixels + sign * step).astype(np.float64) for sign in (1, -1))
    with np.errstate(invalid="ignore"):
        # the inverse depth of a plane changes evenly over the picture
        bend = camera.matrix[0, 0] * np.abs(depth / after + depth / before - 2)
        slope = (_points(camera, pixels + step, after) - _points(camera, pixels - step, before)) / (2 * reach)
    return slope, np.where(np.isfinite(bend), bend, np.inf)


def _points(camera: Camera, pixels: FloatArray, depth: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(camera.centre + camera.directions(pixels) * depth[:, None])


def sightings(surface: Surface, camera: Camera, stage: Stage) -> Sightings:
    """Return which points of a surface another camera sees, and where."""
    known = np.flatnonzero(np.isfinite(surface.points[:, 0]))
    with np.errstate(all="ignore"):  # points in the other camera's plane are refused below
        pixels, depth = camera.project(surface.points[known])
    inside = (depth > 0) & (pixels > 0).all(axis=1) & (pixels < (camera.width - 1, camera.height - 1)).all(axis=1)
    known, pixels, depth = known[inside], pixels[inside], depth[inside]
    open_ = np.abs(stage.depth_at(camera, pixels) / depth - 1) < _SAME_DEPTH
    known, pixels = known[open_], pixels[open_]
    jacobians = np.stack(
        [
            camera.project(surface.points[known] + surface.slopes[known, :, axis] / 2)[0]
            - camera.project(surface.points[known] - surface.slopes[known, :, axis] / 2)[0]
            for axis in (0, 1)
        ],
        axis=2,
    )
    alike = ~_is_stretched(jacobians)
    return Sightings(
        rows=known[alike],
        positions=(pixels[alike] + _HALF_PIXEL).astype(np.float32),
        jacobians=jacobians[alike].astype(np.float32),
    )


def _is_stretched(jacobians: FloatArray) -> npt.NDArray[np.bool_]:
    """Say which (M, 2, 2) maps are known to change sizes by too much."""
    is_known = np.asarray(np.isfinite(jacobians).all(axis=(1, 2)))
    stretch = np.linalg.svd(np.where(is_known[:, None, None], jacobians, np.eye(2)))[1]
    return np.asarray((stretch[:, 0] > _MOST_STRETCH) | (stretch[:, 1] < 1 / _MOST_STRETCH))
