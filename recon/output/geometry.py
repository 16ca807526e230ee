"""A model's points and cameras as arrays, which is what files and pictures are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array

if TYPE_CHECKING:
    import pycolmap

LINES_PER_CAMERA = 10


@dataclass(frozen=True, slots=True, eq=False)
class PointCloud:
    """The N points of a model that have a finite position, by point id."""

    positions: FloatArray
    """(N, 3) float64, in the model's frame and units."""

    colors: UInt8Array
    """(N, 3) uint8 RGB."""

    errors_px: FloatArray
    """(N,) float64 mean reprojection error, negative where the model does not say."""

    track_lengths: FloatArray
    """(N,) float64: how many images see a point."""


@dataclass(frozen=True, slots=True, eq=False)
class CameraPoses:
    """Where the M registered images were taken, by image name."""

    names: tuple[str, ...]
    centers: FloatArray
    """(M, 3) float64 projection centres, in the model's frame."""

    world_from_cam: FloatArray
    """(M, 3, 3) float64 rotations: columns are a camera's right, down and forward in the world."""

    half_extents: FloatArray
    """(M, 2) float64: half the width and height of the picture at distance 1."""


def point_cloud(model: pycolmap.Reconstruction) -> PointCloud:
    """Return the points of a model; those at infinity or NaN are left out."""
    points = [point for _, point in sorted(model.points3D.items())]
    positions = np.array([point.xyz for point in points], np.float64).reshape(-1, 3)
    finite = np.isfinite(positions).all(axis=1)
    return PointCloud(
        positions[finite],
        np.array([point.color for point in points], np.uint8).reshape(-1, 3)[finite],
        np.array([point.error for point in points], np.float64)[finite],
        np.array([point.track.length() for point in points], np.float64)[finite],
    )


def camera_poses(model: pycolmap.Reconstruction) -> CameraPoses:
    """Return the registered images of a model."""
    images = sorted((model.image(image_id) for image_id in model.reg_image_ids()), key=lambda image: image.name)
    return CameraPoses(
        tuple(image.name for image in images),
        np.array([image.projection_center() for image in images], np.float64).reshape(-1, 3),
        np.array([image.cam_from_world().rotation.matrix().T for image in images], np.float64).reshape(-1, 3, 3),
        np.array([_half_extent(model.camera(image.camera_id)) for image in images], np.float64).reshape(-1, 2),
    )


def joined_clouds(clouds: Sequence[PointCloud]) -> PointCloud:
    """Return the points of one or more models in one frame, one after the other."""
    return PointCloud(*(np.concatenate([getattr(each, name) for each in clouds]) for name in PointCloud.__slots__))


def joined_poses(poses: Sequence[CameraPoses]) -> CameraPoses:
    """Return the cameras of one or more models in one frame, one after the other."""
    names = tuple(name for each in poses for name in each.names)
    rest = (np.concatenate([getattr(each, name) for each in poses]) for name in CameraPoses.__slots__[1:])
    return CameraPoses(names, *rest)


def frustum_corners(cameras: CameraPoses, depth: float) -> FloatArray:
    """Return the corners of the picture at `depth` in front of each camera.

    Returns:
        (M, 4, 3) world positions: top left, top right, bottom right, bottom left as the sensor stores them.
    """
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    in_cam = np.concatenate(
        [cameras.half_extents[:, None] * signs, np.ones((len(cameras.names), 4, 1))], axis=2
    )  # (M, 4, 3)
    corners: FloatArray = cameras.centers[:, None] + depth * np.einsum("mij,mkj->mki", cameras.world_from_cam, in_cam)
    return corners


def frustum_lines(cameras: CameraPoses, depth: float) -> FloatArray:
    """Return the outline of each camera: four edges from the centre, four around the picture, and a mark on top.

    Returns:
        (M * 10, 2, 3) world positions of the lines' ends.
    """
    corners = frustum_corners(cameras, depth)
    centers = np.repeat(cameras.centers[:, None], 4, axis=1)
    edges = np.stack([centers, corners], axis=2)  # (M, 4, 2, 3)
    around = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2)
    top_left, top_right, bottom_left = corners[:, 0], corners[:, 1], corners[:, 3]
    tip = (top_left + top_right) / 2 + (top_left - bottom_left) * 0.25
    inner_left, inner_right = 0.75 * top_left + 0.25 * top_right, 0.25 * top_left + 0.75 * top_right
    mark = np.stack([np.stack([inner_left, tip], 1), np.stack([tip, inner_right], 1)], axis=1)
    return np.concatenate([edges, around, mark], axis=1).reshape(-1, 2, 3)


def _half_extent(camera: pycolmap.Camera) -> tuple[float, float]:
    # A panorama has no focal length, and a model may hold a senseless one: draw those at 90 degrees.
    focal_length = camera.mean_focal_length() if len(camera.params) > 2 else 0.0
    if not np.isfinite(focal_length) or focal_length <= 0:
        return 1.0, camera.height / max(camera.width, 1)
    return camera.width / focal_length / 2, camera.height / focal_length / 2
