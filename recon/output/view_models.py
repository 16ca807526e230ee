"""Makes one scene of one or more models: side by side, alike in size, seen from the side that each shows best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.core.frame import ModelFrame, Units
from recon.output.geometry import (
    CameraPoses,
    PointCloud,
    camera_poses,
    frustum_corners,
    joined_poses,
    point_cloud,
)
from recon.output.scene import Scene
from recon.output.view_photos import lay_out
from recon.output.view_scene import Links, ViewScene
from recon.output.viewpoint import choose_viewpoint, frustum_depth, up_in_world, what_to_show

if TYPE_CHECKING:
    import pycolmap

_GAP = 0.15
"""Between two models, as a part of the first one's width."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownModel:
    """A model to show, and what is known of its photos."""

    model: pycolmap.Reconstruction
    label: str = ""
    orientations: Mapping[str, int] = field(default_factory=dict)
    """EXIF orientation by image name where it is not 1."""
    photos: Mapping[str, UInt8Array] = field(default_factory=dict)
    """Small (H, W, 3) pictures by image name, turned as the sensor stores them; any may be missing."""
    frame: ModelFrame = ModelFrame()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A model in the scene's frame."""

    shown: ShownModel
    cloud: PointCloud
    cameras: CameraPoses
    scale: float = 1.0
    """Units of the scene in one unit of the model."""

    def moved(self, rotation: FloatArray, scale: float, translation: FloatArray) -> _Part:
        """Return it with every x at scale * rotation @ x + translation."""
        cloud = replace(self.cloud, positions=scale * self.cloud.positions @ rotation.T + translation)
        cameras = replace(
            self.cameras,
            centers=scale * self.cameras.centers @ rotation.T + translation,
            world_from_cam=rotation @ self.cameras.world_from_cam,
        )
        return _Part(self.shown, cloud, cameras, self.scale * scale)


def view_scene(models: Sequence[ShownModel], size: tuple[int, int]) -> ViewScene:
    """Return the scene of models, the first in its own frame, to be seen in a picture of `size` (width, height)."""
    parts = _side_by_side([_Part(each, point_cloud(each.model), camera_poses(each.model)) for each in models], size)
    orientations = {name: value for part in parts for name, value in _orientations(part, len(parts) > 1).items()}
    named = [(part.cloud, _named(part, len(parts) > 1)) for part in parts]
    pictures = [part.shown.photos.get(name) for part in parts for name in part.cameras.names]
    return ViewScene(Scene.of_parts(named, size, orientations), _links(parts), lay_out(pictures))


def _name(label: str, name: str, several: bool) -> str:
    return f"{label}: {name}" if several else name


def _named(part: _Part, several: bool) -> CameraPoses:
    return replace(part.cameras, names=tuple(_name(part.shown.label, name, several) for name in part.cameras.names))


def _orientations(part: _Part, several: bool) -> dict[str, int]:
    return {_name(part.shown.label, name, several): value for name, value in part.shown.orientations.items()}


def _side_by_side(parts: Sequence[_Part], size: tuple[int, int]) -> list[_Part]:
    """Return the parts turned as the first one is seen, alike in size, each to the right of the one before."""
    if len(parts) < 2:
        return list(parts)
    views = [choose_viewpoint(part.cloud, part.cameras, size, part.shown.orientations).cam_from_world for part in parts]
    to_scale = all(part.shown.frame.units is not Units.ARBITRARY for part in parts)
    low, high = _extent(parts[0], views[0])
    extent = high - low
    placed = [parts[0]]
    edge = high[0]
    for part, view in zip(parts[1:], views[1:], strict=True):
        own_low, own_high = _extent(part, view)
        scale = (
            1.0 if to_scale else float(np.linalg.norm(extent)) / max(float(np.linalg.norm(own_high - own_low)), 1e-12)
        )
        # In the axes of the view: the left edge a gap away, the middle as high and as deep as the first one's.
        target = (low + high) / 2
        target[0] = edge + _GAP * extent[0] + scale * (own_high[0] - own_low[0]) / 2
        translation = (target - scale * (own_low + own_high) / 2) @ views[0]
        placed.append(part.moved(views[0].T @ view, scale, translation))
        edge = target[0] + scale * (own_high[0] - own_low[0]) / 2
    return placed


def _extent(part: _Part, view: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the (3,) lowest and highest coordinates in the axes of a view, without the farthest points."""
    shown = what_to_show(part.cloud, part.cameras) @ view.T
    return shown.min(axis=0), shown.max(axis=0) + 1e-12


def _links(parts: Sequence[_Part]) -> Links:
    several = len(parts) > 1
    corners, sightings = [], []
    first_point = first_photo = 0
    for part in parts:
        corners.append(frustum_corners(part.cameras, frustum_depth(part.cloud, part.cameras)))
        points, photos, shares = _sightings(part.shown.model, part.cameras.names)
        sightings.append((points + first_point, photos + first_photo, _on_pictures(corners[-1][photos], shares)))
        first_point += len(part.cloud.positions)
        first_photo += len(part.cameras.names)
    seen_points, seen_by, places = (np.concatenate(each) for each in zip(*sightings, strict=True))
    order = np.argsort(seen_points, kind="stable")
    count = np.arange(len(parts))
    return Links(
        tuple(name for part in parts for name in _named(part, several).names),
        joined_poses([part.cameras for part in parts]).centers,
        np.concatenate(corners),
        np.concatenate([part.cameras.world_from_cam[:, :, 2] for part in parts]),
        np.concatenate([up_in_world(part.cameras, part.shown.orientations) for part in parts]),
        np.repeat(count, [len(part.cloud.positions) for part in parts]),
        seen_points[order],
        seen_by[order],
        places[order],
        tuple("units" if part.shown.frame.units is Units.ARBITRARY else "m" for part in parts),
        np.array([1 / part.scale for part in parts]),
    )


def _sightings(model: pycolmap.Reconstruction, names: Sequence[str]) -> tuple[IntArray, IntArray, FloatArray]:
    """Return for each of S sightings the row of its point and photo, and its (S, 2) place in the photo, 0 to 1."""
    rows = {
        point_id: row
        for row, point_id in enumerate(
            point_id for point_id, point in sorted(model.points3D.items()) if np.isfinite(point.xyz).all()
        )
    }
    photo_rows = {name: row for row, name in enumerate(names)}
    points, photos, shares = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros((0, 2))]
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        camera = model.camera(image.camera_id)
        seen = [
            (rows[each.point3D_id], each.xy) for each in image.get_observation_points2D() if each.point3D_id in rows
        ]
        if not seen:
            continue
        points.append(np.array([row for row, _ in seen]))
        photos.append(np.full(len(seen), photo_rows[image.name]))
        shares.append(np.array([xy for _, xy in seen]) / (max(camera.width, 1), max(camera.height, 1)))
    return np.concatenate(points), np.concatenate(photos), np.concatenate(shares)


def _on_pictures(corners: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the (S, 3) places on drawn pictures with (S, 4, 3) corners of (S, 2) shares of width and height."""
    top_left, top_right, bottom_left = corners[:, 0], corners[:, 1], corners[:, 3]
    across, down = shares[:, :1], shares[:, 1:]
    places: FloatArray = top_left + across * (top_right - top_left) + down * (bottom_left - top_left)
    return places
