"""Writes a model as nerfstudio's dataset: transforms.json, images/, sparse_pc.ply.

Conventions, from nerfstudio's page "Data conventions": a pose maps camera to world; the camera looks along -z with
+y up (OpenGL); the world's up is +z. `applied_transform` says what was done to the model's own frame to get there, as
`ns-process-data` does it: (x, y, z) becomes (x, z, -y), but for a model whose +z is up already. Pixels are COLMAP's:
the centre of the first is (0.5, 0.5).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, UsageError
from recon.core.frame import ARBITRARY, ModelFrame
from recon.output.files import replacing
from recon.output.geometry import point_cloud
from recon.output.photo_files import (
    check_names_inside,
    check_photo_size,
    find_photo_files,
    is_mirrored,
    photo_size,
    read_photo,
    registered_images,
    save_photo,
)
from recon.output.ply import write_points

if TYPE_CHECKING:
    import pycolmap

WORLD_FROM_MODEL = np.array([(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0)])
_OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0])
_JPEG_QUALITY = 97
"""Of photos that cannot be copied as they are."""
_PERSPECTIVE, _FISHEYE = "OPENCV", "OPENCV_FISHEYE"
_KINDS = {
    "SIMPLE_PINHOLE": _PERSPECTIVE,
    "PINHOLE": _PERSPECTIVE,
    "SIMPLE_RADIAL": _PERSPECTIVE,
    "RADIAL": _PERSPECTIVE,
    "OPENCV": _PERSPECTIVE,
    "FULL_OPENCV": _PERSPECTIVE,
    "SIMPLE_FISHEYE": _FISHEYE,
    "FISHEYE": _FISHEYE,
    "SIMPLE_RADIAL_FISHEYE": _FISHEYE,
    "RADIAL_FISHEYE": _FISHEYE,
    "OPENCV_FISHEYE": _FISHEYE,
}
_DISTORTION = {_PERSPECTIVE: ("k1", "k2", "p1", "p2"), _FISHEYE: ("k1", "k2", "k3", "k4")}


def write_nerfstudio(
    model: pycolmap.Reconstruction, folder: Path, photos: Path | None, frame: ModelFrame = ARBITRARY
) -> None:
    """Write the dataset; without `photos`, everything but the photos.

    Args:
        frame: Of the model; one with +z up stays as it is.

    Raises:
        UsageError: A camera that nerfstudio has no model for; photos that are missing, or not those of the model.
        OSError: A file cannot be written.
    """
    images = registered_images(model)
    check_names_inside(image.name for image in images)
    intrinsics = {image.camera_id: intrinsics_of(model.camera(image.camera_id)) for image in images}
    kinds = {values["camera_model"] for values in intrinsics.values()}
    if len(kinds) > 1:
        raise _inexpressible("the model mixes fisheye and ordinary cameras, and nerfstudio knows one kind a dataset")
    files = {} if photos is None else find_photo_files([image.name for image in images], photos)
    for image in images:
        if image.name in files:
            check_photo_size(image.name, photo_size(files[image.name]), model.camera(image.camera_id))
    cloud = point_cloud(model)
    world_from_model = np.eye(3) if frame.is_z_up else WORLD_FROM_MODEL
    content = _lens_and_frames(images, intrinsics, world_from_model)
    content["applied_transform"] = np.column_stack([world_from_model, np.zeros(3)]).tolist()
    content["recon"] = {"units": str(frame.units), "about": frame.describe()}  # a key that nerfstudio passes by
    folder.mkdir(parents=True, exist_ok=True)
    if len(cloud.positions):
        content["ply_file_path"] = "sparse_pc.ply"
        write_points(cloud.positions @ world_from_model.T, cloud.colors, folder / "sparse_pc.ply", frame)
    for name, path in files.items():
        copy = folder / "images" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if is_mirrored(path):
            pixels, profile = read_photo(path)
            save_photo(pixels, copy, profile, _JPEG_QUALITY)
        else:
            shutil.copyfile(path, copy)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(folder / "transforms.json") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _lens_and_frames(
    images: Sequence[pycolmap.Image], intrinsics: Mapping[int, Mapping[str, object]], world_from_model: FloatArray
) -> dict[str, Any]:
    """Return the camera model and the frames; the intrinsics of a single camera stand at the top, others in frames."""
    own = {"file_path", "transform_matrix", "colmap_im_id"}
    frames = [
        {
            "file_path": f"images/{image.name}",
            "transform_matrix": _world_from_camera(image, world_from_model),
            "colmap_im_id": image.image_id,
            **intrinsics[image.camera_id],
        }
        for image in images
    ]
    if len(intrinsics) == 1:
        shared = {key: value for key, value in frames[0].items() if key not in own}
        return {**shared, "frames": [{key: frame[key] for key in frame if key in own} for frame in frames]}
    kind = frames[0]["camera_model"] if frames else _PERSPECTIVE
    return {"camera_model": kind, "frames": frames}


def intrinsics_of(camera: pycolmap.Camera) -> dict[str, object]:
    """Return a camera's intrinsics in nerfstudio's words, exactly the same projection.

    Raises:
        UsageError: BAD_VALUE where nerfstudio has no such lens.
    """
    kind = _KINDS.get(camera.model_name)
    if kind is None:
        raise _inexpressible(f"nerfstudio knows no camera like camera {camera.camera_id}, which is {camera.model_name}")
    values = dict(zip(camera.params_info.split(", "), map(float, camera.params), strict=True))
    if any(values.get(name) for name in ("k4", "k5", "k6")) and kind == _PERSPECTIVE:
        raise _inexpressible(
            f"nerfstudio's ordinary lens has no k4, k5 and k6, and camera {camera.camera_id} (FULL_OPENCV) uses them"
        )
    values.setdefault("k1", values.get("k", 0.0))
    distortion = {name: values.get(name, 0.0) for name in _DISTORTION[kind]}
    if kind == _PERSPECTIVE and values.get("k3"):
        distortion["k3"] = values["k3"]
    return {
        "camera_model": kind,
        "w": camera.width,
        "h": camera.height,
        "fl_x": camera.focal_length_x if "fx" in values else values["f"],
        "fl_y": camera.focal_length_y if "fy" in values else values["f"],
        "cx": values["cx"],
        "cy": values["cy"],
    } | distortion


def _world_from_camera(image: pycolmap.Image, world_from_model: FloatArray) -> list[list[float]]:
    rotation = world_from_model @ image.cam_from_world().rotation.matrix().T @ _OPENCV_FROM_OPENGL
    center = world_from_model @ image.projection_center()
    rows: list[list[float]] = np.vstack([np.column_stack([rotation, center]), (0.0, 0.0, 0.0, 1.0)]).tolist()
    return rows


def _inexpressible(message: str) -> UsageError:
    return UsageError(
        message,
        code=Cause.BAD_VALUE,
        try_="undistort first: `recon export OUT gsplat DIR`, then `recon export DIR nerfstudio DEST`",
    )
