"""A model without lens distortion, and its photos to match: every camera becomes COLMAP's PINHOLE.

As COLMAP's `image_undistorter` does it: the focal length stays, the picture grows or shrinks until it holds no
blank pixel, and poses and points are untouched.
"""

from __future__ import annotations

import copy
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.errors import Cause, UsageError
from recon.output.export import write_colmap
from recon.output.photo_files import (
    check_names_inside,
    check_photo_size,
    find_photo_files,
    is_turned,
    photo_size,
    read_photo,
    registered_images,
    save_photo,
)


def write_undistorted(
    model: pycolmap.Reconstruction, folder: Path, photos: Path | None, *, threads: int = 1, jpeg_quality: int = 95
) -> None:
    """Write `sparse/0` and, where `photos` says where they are, the registered photos into `images`.

    Raises:
        UsageError: A camera that no pinhole can stand for; photos that are missing, or not those of the model.
        ReconError: UNREADABLE, naming the photo.
        OSError: A file cannot be written.
    """
    images = registered_images(model)
    check_names_inside(image.name for image in images)
    files = {} if photos is None else find_photo_files([image.name for image in images], photos)
    cameras = {image.camera_id: model.camera(image.camera_id) for image in images}
    for image in images:
        if image.name in files:
            check_photo_size(image.name, photo_size(files[image.name]), cameras[image.camera_id])
    write_colmap(undistorted(model), folder / "sparse" / "0")

    def write(image: pycolmap.Image) -> None:
        if image.name in files:
            _write_photo(files[image.name], folder / "images" / image.name, cameras[image.camera_id], jpeg_quality)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, images))


def undistorted(model: pycolmap.Reconstruction) -> pycolmap.Reconstruction:
    """Return a copy of a model in which every camera is PINHOLE and every 2D point lies where that camera sees it.

    An observation that a pinhole cannot see (beyond 90 degrees from the axis) is left out.

    Raises:
        UsageError: BAD_VALUE for a panorama, which no pinhole can stand for.
    """
    made = copy.deepcopy(model)
    pinholes = {camera_id: _pinhole(camera) for camera_id, camera in model.cameras.items()}
    for image_id, image in made.images.items():
        if image.num_points2D():
            _undistort_points(made, image_id, model.camera(image.camera_id), pinholes[image.camera_id])
    for camera_id, pinhole in pinholes.items():
        camera = made.camera(camera_id)
        camera.model = pinhole.model
        camera.params = pinhole.params.tolist()
        camera.width, camera.height = pinhole.width, pinhole.height
    made.update_point_3d_errors()  # in the new pixels
    return made


def _pinhole(camera: pycolmap.Camera) -> pycolmap.Camera:
    try:
        return pycolmap.undistort_camera(pycolmap.UndistortCameraOptions(), camera)
    except ValueError as error:
        raise UsageError(
            f"camera {camera.camera_id} is {camera.model_name}: no pinhole camera sees what it sees",
            code=Cause.BAD_VALUE,
            try_="cut the panoramas into ordinary photos first",
        ) from error


def _undistort_points(
    model: pycolmap.Reconstruction, image_id: int, camera: pycolmap.Camera, pinhole: pycolmap.Camera
) -> None:
    points = model.image(image_id).points2D
    before = np.array([point.xy for point in points], np.float64)
    in_cam = np.asarray(camera.cam_from_img(before), np.float64)
    after = np.asarray(pinhole.img_from_cam(np.column_stack([in_cam, np.ones(len(in_cam))])), np.float64)
    for row, (point, position) in enumerate(zip(points, after, strict=True)):
        if np.isfinite(position).all():
            point.xy = position
        elif point.has_point3D():
            model.delete_observation(image_id, row)


def _write_photo(source: Path, destination: Path, camera: pycolmap.Camera, jpeg_quality: int) -> None:
    if camera.is_undistorted() and not is_turned(source):
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, destination)
        return
    pixels, profile = read_photo(source)
    if not camera.is_undistorted():
        options = pycolmap.UndistortCameraOptions()
        straight, _ = pycolmap.undistort_image(options, pycolmap.Bitmap.from_array(pixels), camera)
        pixels = straight.to_array()
    save_photo(pixels, destination, profile, jpeg_quality)
