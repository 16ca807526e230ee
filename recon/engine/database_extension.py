"""A COLMAP database with further photos: a copy is extended, and takes the place of the first one whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.engine.database import VerifiedPair
from recon.engine.database_file import remove_database, sqlite_in_words, take_place


@dataclass(frozen=True, slots=True, eq=False)
class FurtherImage:
    """A photo to be written, and its camera."""

    name: str
    camera: pycolmap.Camera
    """Photos of one new camera have equal ids here."""
    is_known_camera: bool
    """Whether the camera is one of the database, by that id."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A database with further photos."""

    path: Path
    camera_ids: dict[int, int]
    """The id that each new camera got, by the one that it came with."""


def extend_database(
    database: Path,
    target: Path,
    images: Sequence[FurtherImage],
    keypoints: Callable[[str], FloatArray],
    pairs: Iterable[VerifiedPair],
) -> Extension:
    """Write a copy of a database with further photos and pairs to `target`; photos that are there already stay.

    Args:
        keypoints: Returns the (N, 2) or (N, 4) keypoints of a new photo, as `write_database` takes them.
        pairs: Read one by one; those without matches, and those that are there, are not written.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE.
    """
    remove_database(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(database, target)
    camera_ids: dict[int, int] = {}
    with sqlite_in_words(target), pycolmap.Database.open(target) as opened:
        for each in images:
            if not _is_in(opened, each.name):
                _write_image(opened, each, camera_ids, np.ascontiguousarray(keypoints(each.name), np.float32))
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        for pair in pairs:
            id1, id2 = ids[pair.pair.name1], ids[pair.pair.name2]
            if len(pair.matches) == 0 or opened.exists_matches(id1, id2):
                continue
            opened.write_matches(id1, id2, pair.matches.indices.astype(np.uint32))
            if pair.geometry.is_verified:
                opened.write_two_view_geometry(id1, id2, pair.geometry.to_pycolmap())
    return Extension(target, camera_ids)


def _is_in(opened: pycolmap.Database, name: str) -> bool:
    return any(image.name == name for image in opened.read_all_images())


def _write_image(
    opened: pycolmap.Database, each: FurtherImage, camera_ids: dict[int, int], keypoints: FloatArray
) -> None:
    camera_id = each.camera.camera_id
    if not each.is_known_camera:
        if camera_id not in camera_ids:
            camera_ids[camera_id] = _write_camera(opened, each.camera)
        camera_id = camera_ids[camera_id]
    rig = opened.read_rig_with_sensor(opened.read_camera(camera_id).sensor_id)
    if rig is None:
        raise LookupError(f"camera {camera_id} of the database belongs to no rig")
    image_id = opened.write_image(pycolmap.Image(name=each.name, camera_id=camera_id))
    image = opened.read_image(image_id)
    frame = pycolmap.Frame()
    frame.rig_id = rig.rig_id
    frame.add_data_id(image.data_id)
    opened.write_frame(frame)
    opened.write_keypoints(image_id, keypoints)


def _write_camera(opened: pycolmap.Database, camera: pycolmap.Camera) -> int:
    camera_id = int(opened.write_camera(camera.__copy__()))
    rig = pycolmap.Rig()
    rig.add_ref_sensor(opened.read_camera(camera_id).sensor_id)
    opened.write_rig(rig)
    return camera_id


def put_in_place(extension: Extension, database: Path) -> None:
    """Let an extended database take the place of the first one.

    Raises:
        ReconError: NOT_WRITABLE.
    """
    take_place(extension.path, database)
