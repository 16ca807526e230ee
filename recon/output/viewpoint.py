"""Where to stand to see a model well: on the side from which it was photographed, a little above, all in view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray
from recon.output.geometry import CameraPoses, PointCloud

ELEVATION_DEG = 17.0
ASIDE_DEG = 32.0
"""How far beside the photographers: from straight behind them, depth does not show."""
FIELD_OF_VIEW_DEG = 25.0
"""Across the picture's shorter side."""
_MARGIN = 0.06
_ONE_SIDED = 0.15
"""Length of the mean direction to the cameras, above which they stand on one side."""
_CORE_PERCENT = 5.0
_BEYOND_CORE = 0.25
"""A point asks to be in view when it lies within the box between these percentiles, grown by this part of its
size on every side: the rest of a wall does, trees on the horizon do not."""


@dataclass(frozen=True, slots=True, eq=False)
class Viewpoint:
    """A pinhole camera that looks at a model; OpenCV axes: x right, y down, z forward."""

    position: FloatArray
    """(3,) in the model's frame."""

    cam_from_world: FloatArray
    """(3, 3) rotation."""

    tangents: tuple[float, float]
    """Half the picture's width and height at distance 1."""

    distance: float
    """From the position to the middle of what is in view."""

    def project(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (N, 2) positions in the picture from 0 to 1, y down, and (N,) depths, for (N, 3) points."""
        in_cam = (points - self.position) @ self.cam_from_world.T
        depths = in_cam[:, 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            positions = 0.5 + 0.5 * in_cam[:, :2] / (depths[:, None] * np.array(self.tangents))
        return positions, depths


def choose_viewpoint(
    cloud: PointCloud,
    cameras: CameraPoses,
    size: tuple[int, int],
    orientations: Mapping[str, int],
    cam_from_world: FloatArray | None = None,
) -> Viewpoint:
    """Return a viewpoint from which the photographed sides show and the cameras too.

    Args:
        cam_from_world: (3, 3) rotation of the view, where another has chosen it.
        size: Width and height of the picture, in pixels.
        orientations: EXIF orientation by image name, where it is not 1: what was up in the photo.
    """
    in_view = what_to_show(cloud, cameras)
    if cam_from_world is None:
        up = up_direction(cameras, orientations)
        cam_from_world = _look_from(_direction(cloud, cameras, up), up)
    width, height = size
    tangent = np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
    tangents = np.array([width, height]) * tangent / min(width, height)
    points = in_view @ cam_from_world.T
    position = _fit(points, tangents * (1 - _MARGIN))
    distance = float(np.median(points[:, 2]) - position[2])
    return Viewpoint(
        position @ cam_from_world, cam_from_world, (float(tangents[0]), float(tangents[1])), max(distance, 1e-9)
    )


def up_direction(cameras: CameraPoses, orientations: Mapping[str, int]) -> FloatArray:
    """Return the (3,) unit vector that was up in the photos, on the whole: people hold a camera level."""
    if not cameras.names:
        return np.array([0.0, -1.0, 0.0])
    ups = up_in_world(cameras, orientations)
    return _unit(ups.mean(axis=0), fallback=ups[0])


def up_in_world(cameras: CameraPoses, orientations: Mapping[str, int]) -> FloatArray:
    """Return (M, 3) unit vectors: what was up in each photo."""
    in_cam = np.array(
        [_UP_OF_ORIENTATION.get(orientations.get(name, 1), (0, -1)) for name in cameras.names], np.float64
    ).reshape(-1, 2)
    ups: FloatArray = np.einsum("mij,mj->mi", cameras.world_from_cam[:, :, :2], in_cam)
    return ups


# The direction in sensor pixels, y down, that the EXIF orientation calls up; what is stored mirrored (2, 4, 5, 7) is
# mirrored back there, left to right.
_UP_OF_ORIENTATION = {
    1: (0, -1), 2: (0, -1), 3: (0, 1), 4: (0, 1), 5: (1, 0), 6: (-1, 0), 7: (-1, 0), 8: (1, 0),
}  # fmt: skip


def frustum_depth(cloud: PointCloud, cameras: CameraPoses) -> float:
    """Return how deep to draw the cameras: small beside the scene, and neighbours apart; in the model's units."""
    shown = what_to_show(cloud, cameras)
    depth = 0.04 * float(np.linalg.norm(np.ptp(shown, axis=0)))
    if len(cameras.names) > 1:
        gaps = np.linalg.norm(cameras.centers[:, None] - cameras.centers, axis=2)
        np.fill_diagonal(gaps, np.inf)
        depth = np.clip(0.8 * float(np.median(gaps.min(axis=1))), 0.15 * depth, depth)
    return float(depth) or 1.0


def what_to_show(cloud: PointCloud, cameras: CameraPoses) -> FloatArray:
    """Return (N, 3): the points without the far ones, and the cameras that are not far from those."""
    points = cloud.positions
    if len(points):
        low, high = np.percentile(points, [_CORE_PERCENT, 100 - _CORE_PERCENT], axis=0)
        low, high = low - _BEYOND_CORE * (high - low), high + _BEYOND_CORE * (high - low)
        points = points[((points >= low) & (points <= high)).all(axis=1)]
    centers = cameras.centers
    if len(points):
        middle = np.median(points, axis=0)
        radius = np.linalg.norm(points - middle, axis=1).max()
        centers = centers[np.linalg.norm(centers - middle, axis=1) < 4 * max(radius, 1e-12)]
    shown = np.concatenate([points, centers])
    return shown if len(shown) else np.zeros((1, 3))


def _direction(cloud: PointCloud, cameras: CameraPoses, up: FloatArray) -> FloatArray:
    """Return the (3,) unit vector from the scene to the eye."""
    level = np.eye(3) - np.outer(up, up)
    backward = level @ -cameras.world_from_cam[0, :, 2] if cameras.names else np.array([0.0, 0.0, -1.0])
    mean = np.zeros(3)
    if len(cloud.positions) and cameras.names:
        outward = cameras.centers - np.median(cloud.positions, axis=0)
        mean = level @ (outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)).mean(axis=0)
    # All the way round, no side is the photographers': take the first one's.
    behind = _unit(mean if np.linalg.norm(mean) > _ONE_SIDED else backward, fallback=np.array([0.0, 0.0, -1.0]))
    aside, above = np.radians([ASIDE_DEG, ELEVATION_DEG])
    turned = np.cos(aside) * behind + np.sin(aside) * np.cross(up, behind)
    return _unit(np.cos(above) * turned + np.sin(above) * up, fallback=up)


def _look_from(direction: FloatArray, up: FloatArray) -> FloatArray:
    forward = -direction
    right = _unit(np.cross(forward, up), fallback=np.array([1.0, 0.0, 0.0]))
    return np.array([right, np.cross(forward, right), forward])


def _fit(points: FloatArray, tangents: FloatArray) -> FloatArray:
    """Return the (3,) nearest position, in the axes of the view, from which all points are in view."""
    position = np.zeros(3)
    depth_needed = []
    for axis in (0, 1):
        # |x - x0| <= tangent * (z - z0) for every point: two supporting lines, which meet at the eye.
        right = (points[:, axis] - tangents[axis] * points[:, 2]).max()
        left = (-points[:, axis] - tangents[axis] * points[:, 2]).max()
        position[axis] = (right - left) / 2
        depth_needed.append(-(right + left) / (2 * tangents[axis]))
    position[2] = min(depth_needed)
    return position


def _unit(vector: FloatArray, fallback: FloatArray) -> FloatArray:
    for candidate in (vector, fallback):
        length = np.linalg.norm(candidate)
        if length > 1e-9:
            unit: FloatArray = candidate / length
            return unit
    return np.array([0.0, 0.0, 1.0])
