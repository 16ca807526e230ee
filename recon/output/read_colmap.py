"""Reads COLMAP's binary and text models as its page "Output Format" describes them, without pycolmap's readers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray, IntArray
from recon.output.read_back import Projection, ReadBack, ReadView, UnreadableExport, rotation_of_quaternion

_KEYPOINT = np.dtype([("xy", "<f8", 2), ("point_id", "<i8")])


class BinaryPhoto(NamedTuple):
    """A registered photo as the file has it."""

    name: str
    camera_id: int
    quaternion: tuple[float, ...]
    """w, x, y, z."""
    translation: tuple[float, ...]
    keypoints: FloatArray
    """(N, 2)"""
    point_ids: IntArray
    """(N,) int64; -1 for none."""


_Points = dict[int, tuple[tuple[float, ...], tuple[int, ...]]]
"""Position and colour by point id."""


class _Content(NamedTuple):
    cameras: dict[int, pycolmap.Camera]
    photos: list[BinaryPhoto]
    points: _Points


def read_colmap(folder: Path) -> ReadBack:
    """Return what a binary model holds."""
    content = _Content(_binary_cameras(folder), read_binary_photos(folder), _binary_points(folder))
    return _read_back(content, "COLMAP's page on its binary format", _bent)


def read_colmap_text(folder: Path) -> ReadBack:
    """Return what a text model holds."""
    content = _Content(_text_cameras(folder), _text_photos(folder), _text_points(folder))
    return _read_back(content, "COLMAP's page on its text format", _bent)


def read_gsplat(folder: Path) -> ReadBack:
    """Return what an undistorted set holds: a pinhole for every camera, and its photos."""
    sparse = folder / "sparse" / "0"
    content = _Content(_binary_cameras(sparse), read_binary_photos(sparse), _binary_points(sparse))
    strangers = sorted({camera.model_name for camera in content.cameras.values()} - {"PINHOLE"})
    if strangers:
        raise UnreadableExport(f"cameras are {', '.join(strangers)} and should all be PINHOLE")
    images = folder / "images" if (folder / "images").exists() else None
    return _read_back(content, "COLMAP's page on its binary format", _straight, images)


def projection_of(camera: pycolmap.Camera) -> Projection:
    """Return a camera's projection, of what lies behind it too."""

    def project(in_cam: FloatArray) -> FloatArray:
        return np.asarray(camera.img_from_cam(np.ascontiguousarray(in_cam), check_cheirality=False))

    return project


class _Lens(NamedTuple):
    project: Projection
    unproject: Projection | None


def _bent(camera: pycolmap.Camera) -> _Lens:
    return _Lens(projection_of(camera), None)


def _straight(camera: pycolmap.Camera) -> _Lens:
    focal, middle = np.array(camera.params[:2]), np.array(camera.params[2:])
    return _Lens(
        lambda in_cam: in_cam[:, :2] / in_cam[:, 2:] * focal + middle,
        lambda pixels: (pixels - middle) / focal,
    )


def _read_back(
    content: _Content, reader: str, lens_of: Callable[[pycolmap.Camera], _Lens], images: Path | None = None
) -> ReadBack:
    ids = np.array(sorted(content.points), np.int64)
    known = {-1, *ids.tolist()}
    views = []
    for photo in content.photos:
        camera = content.cameras[photo.camera_id]
        strangers = set(photo.point_ids.tolist()) - known
        if strangers:
            raise UnreadableExport(f"{photo.name!r} sees point {min(strangers)}, which the model does not have")
        is_seen = photo.point_ids != -1
        views.append(
            ReadView(
                photo.name,
                np.column_stack([rotation_of_quaternion(*photo.quaternion), photo.translation]),
                *lens_of(camera),
                photo.keypoints[is_seen],
                np.searchsorted(ids, photo.point_ids[is_seen]),
                (camera.width, camera.height),
                None if images is None else images / photo.name,
            )
        )
    return ReadBack(
        reader,
        tuple(views),
        np.array([content.points[int(point_id)][0] for point_id in ids], np.float64).reshape(-1, 3),
        np.array([content.points[int(point_id)][1] for point_id in ids], np.uint8).reshape(-1, 3),
    )


def camera_named(model: str, width: int, height: int, params: Sequence[float]) -> pycolmap.Camera:
    """Return the camera of a model by COLMAP's name for it."""
    camera = _camera(0, pycolmap.CameraModelId.__members__[model], width, height)
    camera.params = params
    return camera


def _camera(camera_id: int, model: pycolmap.CameraModelId, width: int, height: int) -> pycolmap.Camera:
    return pycolmap.Camera.create_from_model_id(camera_id, model, 1.0, width, height)


def _binary_cameras(folder: Path) -> dict[int, pycolmap.Camera]:
    content, cameras = (folder / "cameras.bin").read_bytes(), {}
    (count,), position = struct.unpack_from("<Q", content), 8
    for _ in range(count):
        camera_id, model, width, height = struct.unpack_from("<IiQQ", content, position)
        camera = _camera(camera_id, pycolmap.CameraModelId(model), width, height)
        camera.params = np.frombuffer(content, "<f8", len(camera.params), position + 24).tolist()
        cameras[camera_id] = camera
        position += 24 + 8 * len(camera.params)
    return cameras


def read_binary_photos(folder: Path) -> list[BinaryPhoto]:
    """Return the registered photos in images.bin, in its order."""
    content, photos = (folder / "images.bin").read_bytes(), []
    (count,), position = struct.unpack_from("<Q", content), 8
    for _ in range(count):
        _, *pose, camera_id = struct.unpack_from("<I7dI", content, position)
        end = content.index(b"\0", position + 64)
        name = content[position + 64 : end].decode()
        (num_keypoints,) = struct.unpack_from("<Q", content, end + 1)
        table = np.frombuffer(content, _KEYPOINT, num_keypoints, end + 9)
        photos.append(BinaryPhoto(name, camera_id, tuple(pose[:4]), tuple(pose[4:]), table["xy"], table["point_id"]))
        position = end + 9 + table.nbytes
    return photos


def _binary_points(folder: Path) -> _Points:
    content, points = (folder / "points3D.bin").read_bytes(), {}
    (count,), position = struct.unpack_from("<Q", content), 8
    for _ in range(count):
        point_id, *values, _, track_length = struct.unpack_from("<Q3d3BdQ", content, position)
        points[point_id] = (tuple(values[:3]), tuple(values[3:]))
        position += 51 + 8 * track_length
    return points


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").split("\n") if not line.startswith("#")]


def _text_cameras(folder: Path) -> dict[int, pycolmap.Camera]:
    cameras = {}
    for line in filter(None, _lines(folder / "cameras.txt")):
        camera_id, model, width, height, *params = line.split(" ")
        camera = _camera(int(camera_id), pycolmap.CameraModelId.__members__[model], int(width), int(height))
        camera.params = [float(word) for word in params]
        cameras[int(camera_id)] = camera
    return cameras


def _text_photos(folder: Path) -> list[BinaryPhoto]:
    lines, photos = _lines(folder / "images.txt"), []
    for head, keypoints in zip(lines[0::2], lines[1::2], strict=False):
        _, *pose, camera_id, name = head.split(" ")
        table = np.array(keypoints.split(), np.float64).reshape(-1, 3)
        numbers = tuple(map(float, pose))
        ids = np.array(keypoints.split()[2::3], np.int64)
        photos.append(BinaryPhoto(name, int(camera_id), numbers[:4], numbers[4:], table[:, :2], ids))
    return photos


def _text_points(folder: Path) -> _Points:
    points: _Points = {}
    for line in filter(None, _lines(folder / "points3D.txt")):
        point_id, x, y, z, red, green, blue, *_ = line.split(" ")
        points[int(point_id)] = ((float(x), float(y), float(z)), (int(red), int(green), int(blue)))
    return points
