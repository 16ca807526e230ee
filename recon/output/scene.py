"""Everything that a window or picture of a model shows, as plain arrays that one process can hand to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.output.geometry import (
    LINES_PER_CAMERA,
    CameraPoses,
    PointCloud,
    camera_poses,
    frustum_lines,
    joined_clouds,
    joined_poses,
    point_cloud,
)
from recon.output.viewpoint import Viewpoint, choose_viewpoint, frustum_depth

if TYPE_CHECKING:
    import pycolmap

CAMERA_COLOR = (255, 140, 50)
BACKGROUND = ((44, 48, 55), (20, 22, 26))
"""Top and bottom: dark, on which stone, leaves and wood keep their colours."""
MODEL_COLORS = ((90, 160, 250), (110, 205, 110), (225, 110, 200), (240, 220, 90), (140, 220, 220), (250, 110, 110))
"""Of the first model, the second, ...; then from the start. None is the cameras' orange."""
_COVERAGE = 0.9
"""How much of the scene's share of the picture its points would cover side by side."""
_MAX_RADIUS = 0.0052
"""Of a point, as a part of the picture's shorter side: larger, few points look like balls."""
_GREY = 200


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A model made ready for drawing."""

    positions: FloatArray
    """(N, 3) points, in the model's frame."""

    colors: UInt8Array
    """(N, 3) uint8 RGB from the photos; grey where the model holds none."""

    colors_by_images: UInt8Array
    """(N, 3) uint8 RGB: from blue (seen by two photos) to yellow (by many)."""

    colors_by_error: UInt8Array
    """(N, 3) uint8 RGB: from blue (small reprojection error) to yellow (large)."""

    colors_by_model: UInt8Array
    """(N, 3) uint8 RGB, one for each model."""

    camera_lines: FloatArray
    """(L, 2, 3) ends of the lines that outline the cameras."""

    point_radius: float
    """In the model's units: large enough for the points to outline surfaces."""

    viewpoint: Viewpoint

    @property
    def num_cameras(self) -> int:
        """Return how many cameras the lines outline."""
        return len(self.camera_lines) // LINES_PER_CAMERA

    @classmethod
    def of(cls, model: pycolmap.Reconstruction, size: tuple[int, int], orientations: Mapping[str, int]) -> Scene:
        """Return the scene of a model, to be seen in a picture of `size` (width, height).

        Args:
            orientations: EXIF orientation by image name where it is not 1, so that up is up.
        """
        return cls.of_parts([(point_cloud(model), camera_poses(model))], size, orientations)

    @classmethod
    def of_parts(
        cls,
        models: Sequence[tuple[PointCloud, CameraPoses]],
        size: tuple[int, int],
        orientations: Mapping[str, int],
    ) -> Scene:
        """Return the scene of several models in one frame, seen as the first one is best seen; else as `of`."""
        cloud = joined_clouds([cloud for cloud, _ in models])
        cameras = joined_poses([cameras for _, cameras in models])
        first = choose_viewpoint(*models[0], size, orientations)
        viewpoint = choose_viewpoint(cloud, cameras, size, orientations, first.cam_from_world)
        numbers = np.repeat(np.arange(len(models)), [len(each.positions) for each, _ in models])
        return cls(
            cloud.positions,
            np.concatenate([_seen_colors(each) for each, _ in models]),
            _ramp(np.log(np.maximum(cloud.track_lengths, 1))),
            _ramp(cloud.errors_px),
            np.array(MODEL_COLORS, np.uint8)[numbers % len(MODEL_COLORS)],
            np.concatenate([frustum_lines(own, frustum_depth(each, own)) for each, own in models]),
            _point_radius(cloud, viewpoint),
            viewpoint,
        )

    def arrays(self) -> dict[str, Any]:
        """Return the scene as arrays by name, for an npz file."""
        arrays = {name: getattr(self, name) for name in self.__slots__ if name != "viewpoint"}
        view = self.viewpoint
        return arrays | {
            "position": view.position,
            "cam_from_world": view.cam_from_world,
            "tangents": np.array(view.tangents),
            "distance": np.array(view.distance),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Scene:
        """Return the scene of what `arrays` gave."""
        view = Viewpoint(
            arrays["position"],
            arrays["cam_from_world"],
            (float(arrays["tangents"][0]), float(arrays["tangents"][1])),
            float(arrays["distance"]),
        )
        fields: dict[str, Any] = {name: arrays[name] for name in cls.__slots__ if name in arrays}
        return cls(**fields | {"point_radius": float(arrays["point_radius"])}, viewpoint=view)

    def write(self, path: Path) -> None:
        """Write the scene as one npz file."""
        np.savez(path, **self.arrays())

    @classmethod
    def read(cls, path: Path) -> Scene:
        """Return the scene that `write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls.from_arrays(arrays)


def _seen_colors(cloud: PointCloud) -> UInt8Array:
    return cloud.colors if cloud.colors.any() else np.full_like(cloud.colors, _GREY)


def _point_radius(cloud: PointCloud, viewpoint: Viewpoint) -> float:
    in_picture, depths = viewpoint.project(cloud.positions)
    seen = (depths > 0) & ((in_picture > 0) & (in_picture < 1)).all(axis=1)
    if not seen.any():
        return 0.0
    # At distance 1 the picture is 2 tangents wide; count the cells of it that have points.
    num_cells = len(np.unique((in_picture[seen] * 40).astype(int), axis=0))
    area = num_cells / 40**2 * 4 * viewpoint.tangents[0] * viewpoint.tangents[1]
    radius = min(np.sqrt(_COVERAGE * area / seen.sum() / np.pi), _MAX_RADIUS * 2 * min(viewpoint.tangents))
    return float(radius * np.median(depths[seen]))


def _ramp(values: FloatArray) -> UInt8Array:
    """Return (N, 3) colours from blue over green to yellow, between the 2nd and the 98th percentile."""
    if not len(values):
        return np.zeros((0, 3), np.uint8)
    low, high = np.percentile(values, [2, 98])
    share = np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0)
    stops = np.array([(48, 80, 190), (40, 160, 140), (250, 220, 60)], np.float64)
    channels = [np.interp(share, [0.0, 0.5, 1.0], stops[:, channel]) for channel in range(3)]
    colors: UInt8Array = np.stack(channels, axis=1).astype(np.uint8)
    return colors
