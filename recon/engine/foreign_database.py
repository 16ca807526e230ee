"""A COLMAP database from elsewhere: copied, checked, and verified where its pairs are not.

The original is only read. Rows that point at nothing would crash pycolmap, which trusts them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.data import Matches
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.executor import run_in_order
from recon.engine.database_file import open_database, remove_database, sqlite_in_words, take_place
from recon.engine.two_view import VerificationOptions, VerifiedGeometry, verify_pair


def import_database(
    source: Path,
    destination: Path,
    options: VerificationOptions,
    threads: int,
    should_stop: Callable[[], bool],
) -> tuple[int, int]:
    """Copy a database, verify the pairs that have matches and no geometry, and return (pairs, verified).

    Raises:
        ReconError: CORRUPT_FILE; it is damaged, holds no images, or its matches name keypoints that are not there.
        Interrupted: `should_stop` said so; `destination` is as it was.
    """
    unfinished = destination.with_name(destination.name + ".new")
    remove_database(unfinished)
    try:
        _copy(source, unfinished)
        with open_database(unfinished) as database, sqlite_in_words(destination):
            images = database.read_all_images()
            if not images:
                raise _corrupt(source, "it holds no images")
            _check_rows(database, source)
            if database.num_frames() == 0:  # written before COLMAP had rigs
                _add_frames(database, images)
            _verify(database, images, options, threads, should_stop)
            counts = database.read_two_view_geometry_num_inliers()[1]
            pairs = sum(count > 0 for count in database.read_num_matches()[1])
        take_place(unfinished, destination)
    finally:
        remove_database(unfinished)
    return max(pairs, len(counts)), sum(count > 0 for count in counts)


def _copy(source: Path, destination: Path) -> None:
    try:
        # SQLite's own copy takes along what still lies in the log beside an open database.
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as opened,
            closing(sqlite3.connect(destination)) as copy,
        ):
            tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"cameras", "images", "keypoints", "matches", "two_view_geometries"} <= tables:
                raise _corrupt(source, "it lacks the tables of a COLMAP database")
            opened.backup(copy)
    except sqlite3.DatabaseError as error:
        raise _corrupt(source, str(error)) from error


def _check_rows(database: pycolmap.Database, source: Path) -> None:
    images = {image.image_id: image for image in database.read_all_images()}
    cameras = {camera.camera_id for camera in database.read_all_cameras()}
    num_keypoints = {number: int(database.num_keypoints_for_image(number)) for number in images}
    for image in images.values():
        if image.camera_id not in cameras:
            raise _corrupt(source, f"the image {image.name} names a camera that is not there")
    pair_ids, geometries = database.read_two_view_geometries()
    verified = zip(pair_ids, (geometry.inlier_matches for geometry in geometries), strict=True)
    for pair_id, rows in [*zip(*database.read_all_matches(), strict=True), *verified]:
        numbers = pycolmap.pair_id_to_image_pair(pair_id)
        if any(number not in images for number in numbers):
            raise _corrupt(source, f"it holds matches of the images {numbers[0]} and {numbers[1]}, which are not there")
        limits = [num_keypoints[number] for number in numbers]
        if len(rows) and np.any(np.asarray(rows).max(axis=0) >= limits):
            names = " and ".join(images[number].name for number in numbers)
            raise _corrupt(source, f"matches of {names} name keypoints that are not there")


def _add_frames(database: pycolmap.Database, images: Iterable[pycolmap.Image]) -> None:
    rig_of = {}
    for camera in database.read_all_cameras():
        rig = pycolmap.Rig()
        rig.add_ref_sensor(camera.sensor_id)
        rig_of[camera.camera_id] = database.write_rig(rig)
    for image in images:
        frame = pycolmap.Frame()
        frame.rig_id = rig_of[image.camera_id]
        frame.add_data_id(image.data_id)
        database.write_frame(frame)


def _verify(
    database: pycolmap.Database,
    images: Iterable[pycolmap.Image],
    options: VerificationOptions,
    threads: int,
    should_stop: Callable[[], bool],
) -> None:
    cameras = {camera.camera_id: camera for camera in database.read_all_cameras()}
    camera_of = {image.image_id: cameras[image.camera_id] for image in images}
    keypoints = {number: np.asarray(database.read_keypoints(number), np.float64)[:, :2] for number in camera_of}
    pairs = [
        (*pycolmap.pair_id_to_image_pair(pair_id), rows)
        for pair_id, rows in zip(*database.read_all_matches(), strict=True)
        if len(rows)
    ]
    missing = [pair for pair in pairs if not database.exists_two_view_geometry(pair[0], pair[1])]

    def verify(pair: tuple[int, int, np.ndarray]) -> VerifiedGeometry:
        first, second, rows = pair
        matches = Matches(np.ascontiguousarray(rows, np.uint32))
        return verify_pair(camera_of[first], keypoints[first], camera_of[second], keypoints[second], matches, options)

    for pair, geometry in zip(
        missing, run_in_order(verify, missing, threads=threads, should_stop=should_stop), strict=True
    ):
        database.write_two_view_geometry(pair[0], pair[1], geometry.to_pycolmap())


def _corrupt(source: Path, reason: str) -> ReconError:
    return UsageError(
        f"the database {source} cannot be used: {reason}",
        code=Cause.CORRUPT_FILE,
        file=str(source),
        try_="give a database that COLMAP or pycolmap wrote, with keypoints and matches",
    )
