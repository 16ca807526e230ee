"""The COLMAP database: the one store of cameras, images, keypoints, matches and two-view geometries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.core.data import ImageFile, ImagePair, Matches
from recon.engine.database_file import replace_database
from recon.engine.position_prior import position_prior
from recon.engine.two_view import VerifiedGeometry


class CameraIntrinsics(Protocol):
    """The intrinsics that a group of images shares."""

    @property
    def camera_id(self) -> int:
        """Positive, unique within a run."""
        ...

    @property
    def model(self) -> str:
        """COLMAP's name of the camera model."""
        ...

    @property
    def width(self) -> int:
        """Pixels."""
        ...

    @property
    def height(self) -> int:
        """Pixels."""
        ...

    @property
    def params(self) -> tuple[float, ...]:
        """In COLMAP's order, COLMAP's pixel origin."""
        ...

    @property
    def has_prior_focal_length(self) -> bool:
        """Whether the focal length was given or read, and not guessed."""
        ...

    @property
    def image_names(self) -> tuple[str, ...]:
        """The images taken with it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedPair:
    """A pair of images with its matches and what verification left of them."""

    pair: ImagePair
    matches: Matches
    geometry: VerifiedGeometry


def make_camera(intrinsics: CameraIntrinsics) -> pycolmap.Camera:
    """Return pycolmap's camera of a group of images."""
    camera = pycolmap.Camera(
        model=intrinsics.model,
        width=intrinsics.width,
        height=intrinsics.height,
        params=list(intrinsics.params),
        camera_id=intrinsics.camera_id,
    )
    camera.has_prior_focal_length = intrinsics.has_prior_focal_length
    return camera


def image_ids(images: Sequence[ImageFile]) -> dict[str, int]:
    """Return the database id of each image: 1, 2, ... in the order of their names."""
    return {name: k for k, name in enumerate(sorted(image.name for image in images), start=1)}


def write_database(
    path: Path,
    cameras: Sequence[CameraIntrinsics],
    images: Sequence[ImageFile],
    keypoints: Callable[[str], FloatArray],
    pairs: Iterable[VerifiedPair],
    rigs: Path | None = None,
) -> None:
    """Write the database of a run, whole or not at all.

    Args:
        keypoints: Returns the (N, 2) or (N, 4) keypoints of an image by name, full-size pixels, COLMAP
            origin; columns 3 and 4 are scale (pixels) and orientation (radians).
        pairs: Read one by one; those without matches are not written.
        rigs: COLMAP's rig_config.json, checked; None means that each image stands alone.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE; an earlier database is still there.
    """
    ids = image_ids(images)
    exif_of = {image.name: image.exif for image in images}
    camera_of = {name: camera.camera_id for camera in cameras for name in camera.image_names}
    rig_of = {}
    with replace_database(path) as database:
        for intrinsics in cameras:
            camera = make_camera(intrinsics)
            database.write_camera(camera, use_camera_id=True)
            rig = pycolmap.Rig()
            rig.add_ref_sensor(camera.sensor_id)
            rig_of[camera.camera_id] = database.write_rig(rig)
        for name, image_id in ids.items():
            image = pycolmap.Image(name=name, camera_id=camera_of[name], image_id=image_id)
            database.write_image(image, use_image_id=True)
            frame = pycolmap.Frame()
            frame.rig_id = rig_of[camera_of[name]]
            frame.add_data_id(image.data_id)
            database.write_frame(frame)
            database.write_keypoints(image_id, np.ascontiguousarray(keypoints(name), np.float32))
            prior = position_prior(image, exif_of[name])
            if prior is not None:
                database.write_pose_prior(prior)
        for each in pairs:
            if len(each.matches) == 0:
                continue
            image_id1, image_id2 = ids[each.pair.name1], ids[each.pair.name2]
            database.write_matches(image_id1, image_id2, each.matches.indices.astype(np.uint32))
            if each.geometry.is_verified:
                database.write_two_view_geometry(image_id1, image_id2, each.geometry.to_pycolmap())
        if rigs is not None:
            pycolmap.apply_rig_config(pycolmap.read_rig_config(rigs), database)


def replace_geometries(path: Path, pairs: Mapping[tuple[str, str], tuple[Matches, VerifiedGeometry]]) -> int:
    """Give pairs, by name, the matches and geometry that verified with more inliers; return how many gained."""
    num_gained = 0
    with pycolmap.Database.open(path) as database:
        ids = {image.name: image.image_id for image in database.read_all_images()}
        for (name1, name2), (matches, geometry) in pairs.items():
            image_ids = ids[name1], ids[name2]
            has_matches, had = database.exists_matches(*image_ids), 0
            if database.exists_two_view_geometry(*image_ids):
                had = len(database.read_two_view_geometry(*image_ids).inlier_matches)
            if len(geometry.inliers) <= had:
                continue
            num_gained += 1
            if had or database.exists_two_view_geometry(*image_ids):
                database.delete_two_view_geometry(*image_ids)
            if has_matches:
                database.delete_matches(*image_ids)
            database.write_matches(*image_ids, matches.indices.astype(np.uint32))
            database.write_two_view_geometry(*image_ids, geometry.to_pycolmap())
    return num_gained
