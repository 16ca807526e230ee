"""The points and cameras of one model, as the page's 3D view reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.output.geometry import CameraPoses, PointCloud, camera_poses
from recon.output.photo_files import registered_images
from recon.output.viewpoint import choose_viewpoint, frustum_depth, up_direction
from recon.report.model_arrays import ModelArrays
from recon.report.packing import SHORT_MAX, as_shares, packed
from recon.report.upright import QUARTER_TURNS, upright_places

if TYPE_CHECKING:
    import pycolmap

_VIEW_SIZE = (1600, 1000)
_GREY = 200


def model_view(
    model: ModelArrays, rows: Mapping[str, int], orientations: Mapping[str, int], most_points: int
) -> dict[str, Any]:
    """Return a model's points, tracks, cameras and first view, for JSON.

    Args:
        rows: The place of each photo in the page's list, by name.
        orientations: EXIF orientation by name, where it is not 1.
        most_points: Above this many, every k-th of the points by length of track is shown.
    """
    shown = _thin(model.track_lengths, most_points)
    lengths = model.track_lengths[shown]
    colors, errors = model.colors[shown], model.errors_px[shown]
    cloud = PointCloud(model.positions[shown], colors, errors, lengths.astype(np.float64))
    poses = camera_poses(model.model)
    return {
        "points": len(model.positions),
        "shown": len(shown),
        "positions": packed(cloud.positions, "<f4"),
        "colors": packed(colors if colors.any() else np.full_like(colors, _GREY), "u1"),
        "errors": packed(errors, "<f4"),
        "lengths": packed(np.minimum(lengths, SHORT_MAX), "<u2"),
        "tracks": packed(_sightings(model, shown, orientations), "<u2"),
        "track_starts": packed(np.concatenate([[0], np.cumsum(lengths)]), "<u4"),
        "cameras": [
            _camera(model.model, image, rows[image.name], orientations.get(image.name, 1))
            for image in registered_images(model.model)
        ],
        "view": _first_view(cloud, poses, orientations),
    }


def _thin(track_lengths: IntArray, most: int) -> IntArray:
    """Return the rows of at most so many points: spread over all lengths of track, as the whole is."""
    if len(track_lengths) <= most:
        return np.arange(len(track_lengths))
    by_length = np.argsort(-track_lengths, kind="stable")
    return np.sort(by_length[np.linspace(0, len(track_lengths) - 1, most).round().astype(int)])


def _sightings(model: ModelArrays, shown: IntArray, orientations: Mapping[str, int]) -> IntArray:
    """Return (S, 3) camera, x, y of every sighting of the points shown, the places as shares of 65535."""
    firsts = np.cumsum([0, *(len(photo.keypoints) for photo in model.photos)])
    places = [
        upright_places(photo.keypoints, model.size(row), orientations.get(photo.name, 1))
        for row, photo in enumerate(model.photos)
    ]
    shares = as_shares(np.concatenate([np.zeros((0, 2), np.float32), *places]))
    is_shown = np.zeros(len(model.positions), bool)
    is_shown[shown] = True
    sightings = model.sightings[np.repeat(is_shown, model.track_lengths)]
    return np.column_stack([sightings[:, 0], shares[firsts[sightings[:, 0]] + sightings[:, 1]]])


def _camera(model: pycolmap.Reconstruction, image: pycolmap.Image, row: int, orientation: int) -> dict[str, Any]:
    camera = model.camera(image.camera_id)
    width, height = camera.width, camera.height
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    rays = np.array([_ray(camera, corner) for corner in corners])
    pose = image.cam_from_world()
    return {
        "photo": row,
        "center": _rounded(image.projection_center()),
        "rotation": _rounded(pose.rotation.matrix().ravel()),
        "corners": _rounded(rays.ravel()),
        "places": _rounded(upright_places(corners, (width, height), orientation).ravel()),
        "turn": QUARTER_TURNS[orientation],
    }


def _ray(camera: pycolmap.Camera, corner: FloatArray) -> FloatArray:
    """Return the (2,) direction of a picture's corner at depth 1; that of a pinhole where the lens does not say."""
    seen = camera.cam_from_img(corner)
    if seen is not None and np.isfinite(seen).all() and np.abs(seen).max() < 10:
        return np.asarray(seen, np.float64)
    size = np.array([camera.width, camera.height], np.float64)
    focal = camera.mean_focal_length() if len(camera.focal_length_idxs()) else float(size.max())
    direction: FloatArray = (corner - size / 2) / focal
    return direction


def _first_view(cloud: PointCloud, poses: CameraPoses, orientations: Mapping[str, int]) -> dict[str, Any]:
    view = choose_viewpoint(cloud, poses, _VIEW_SIZE, orientations)
    right, down, forward = view.cam_from_world
    return {
        "eye": _rounded(view.position),
        "right": _rounded(right),
        "down": _rounded(down),
        "forward": _rounded(forward),
        "tangent": view.tangents[1],
        "aspect": view.tangents[0] / view.tangents[1],
        "distance": view.distance,
        "up": _rounded(up_direction(poses, orientations)),
        "depth": frustum_depth(cloud, poses),
    }


def _rounded(values: FloatArray) -> list[float]:
    return [float(f"{value:.9g}") for value in np.asarray(values, np.float64).ravel()]
