"""A database holds what it was given, as pycolmap reads it, and is replaced whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap
import pytest

from recon.core.data import ImageFile, ImagePair, Matches
from recon.engine.database import VerifiedPair, image_ids, make_camera, write_database
from recon.engine.two_view import VerifiedGeometry

NAMES = ("b.jpg", "a b/é 中.jpg", "a.jpg")
"""Out of order, with a space, a folder and letters beyond ASCII."""


@dataclass(frozen=True)
class Lens:
    camera_id: int
    image_names: tuple[str, ...]
    model: str = "SIMPLE_RADIAL"
    width: int = 640
    height: int = 480
    params: tuple[float, ...] = (700.0, 320.0, 240.0, -0.1)
    has_prior_focal_length: bool = True


CAMERAS = (Lens(1, NAMES[:2]), Lens(7, NAMES[2:], "PINHOLE", 800, 600, (900.0, 910.0, 400.0, 300.0), False))
IMAGES = [ImageFile(name, Path(name), 640, 480) for name in NAMES]
KEYPOINTS = {
    NAMES[0]: np.array([[1.5, 2.5, 3.0, 0.1], [4.5, 5.5, 6.0, 0.2], [7.5, 8.5, 9.0, 0.3]], np.float32),
    NAMES[1]: np.array([[10.25, 20.75], [30.0, 40.0]], np.float32),
    NAMES[2]: np.zeros((0, 2), np.float32),
}
MATRICES = np.stack([np.eye(3), np.full((3, 3), 0.5), np.zeros((3, 3))])
PAIR = ImagePair.of(NAMES[0], NAMES[1])
VERIFIED = VerifiedPair(
    PAIR,
    Matches(np.array([[0, 2], [1, 0]], np.uint32)),
    VerifiedGeometry(2, MATRICES, np.array([[1, 0]], np.uint32)),
)


def write(path, pairs=(VERIFIED,), keypoints=KEYPOINTS.__getitem__):
    write_database(path, CAMERAS, IMAGES, keypoints, pairs)


@pytest.fixture
def database(tmp_path):
    folder = tmp_path / "ü 中"
    folder.mkdir()
    write(folder / "database.db")
    with pycolmap.Database.open(folder / "database.db") as opened:
        yield opened


def test_images_are_numbered_by_name_from_1():
    assert image_ids(IMAGES) == {"a b/é 中.jpg": 1, "a.jpg": 2, "b.jpg": 3}


def test_images_read_back_with_their_cameras(database):
    images = {image.name: image for image in database.read_all_images()}

    assert {name: image.image_id for name, image in images.items()} == image_ids(IMAGES)
    assert {name: image.camera_id for name, image in images.items()} == {NAMES[0]: 1, NAMES[1]: 1, NAMES[2]: 7}


@pytest.mark.parametrize("lens", CAMERAS)
def test_cameras_read_back_to_the_bit(database, lens):
    camera = database.read_camera(lens.camera_id)

    assert (camera.model.name, camera.width, camera.height) == (lens.model, lens.width, lens.height)
    assert tuple(camera.params) == lens.params
    assert camera.has_prior_focal_length == lens.has_prior_focal_length


def test_every_image_is_a_frame_of_its_camera_alone(database):
    """COLMAP 4's mapper poses frames of rigs; a photo is a rig of one."""
    frames = {frame.frame_id: frame for frame in database.read_all_frames()}
    rigs = {rig.rig_id: rig for rig in database.read_all_rigs()}

    assert len(frames) == len(IMAGES)
    for image in database.read_all_images():
        frame = frames[image.frame_id]
        assert [data.id for data in frame.data_ids] == [image.image_id]
        assert rigs[frame.rig_id].ref_sensor_id.id == image.camera_id


def test_keypoints_read_back_with_the_columns_they_have(database):
    """Scale and orientation are there where the extractor gave them; an image may have no keypoint."""
    for name, image_id in image_ids(IMAGES).items():
        found = database.read_keypoints(image_id)
        assert found.shape == KEYPOINTS[name].shape
        assert np.array_equal(found, KEYPOINTS[name])


def test_matches_and_geometry_read_back(database):
    ids = [image_ids(IMAGES)[name] for name in (PAIR.name1, PAIR.name2)]

    assert np.array_equal(database.read_matches(*ids), VERIFIED.matches.indices)
    geometry = database.read_two_view_geometry(*ids)
    assert int(geometry.config) == 2
    assert np.array_equal(geometry.inlier_matches, VERIFIED.geometry.inliers)
    assert np.array_equal(geometry.E, MATRICES[0])
    assert np.array_equal(geometry.F, MATRICES[1])
    assert geometry.H is None


def test_a_pair_that_did_not_verify_keeps_its_matches_only(tmp_path):
    """The diagnosis needs them: similar, but no one camera motion."""
    write(tmp_path / "database.db", [VerifiedPair(PAIR, VERIFIED.matches, VerifiedGeometry.none())])

    with pycolmap.Database.open(tmp_path / "database.db") as opened:
        assert opened.num_matched_image_pairs() == 1
        assert opened.num_verified_image_pairs() == 0


def test_a_pair_without_matches_is_not_written(tmp_path):
    none = Matches(np.zeros((0, 2), np.uint32))
    write(tmp_path / "database.db", [VerifiedPair(PAIR, none, VerifiedGeometry.none())])

    with pycolmap.Database.open(tmp_path / "database.db") as opened:
        assert opened.num_matched_image_pairs() == 0


def test_a_failure_while_writing_leaves_the_old_database(tmp_path):
    path = tmp_path / "database.db"
    write(path)
    before = path.read_bytes()

    def interrupted_pairs():
        yield VERIFIED
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, interrupted_pairs())

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["database.db"]


def test_what_a_killed_run_left_is_no_hindrance(tmp_path):
    for ending in ("", "-wal", "-shm", "-journal"):
        (tmp_path / f"database.db.new{ending}").write_bytes(b"left behind")
    write(tmp_path / "database.db")

    assert [file.name for file in tmp_path.iterdir()] == ["database.db"]


def test_writing_again_replaces_all(tmp_path):
    """Nothing of an earlier plan may mix in, its open log included."""
    path = tmp_path / "database.db"
    write(path)
    path.with_name("database.db-wal").write_bytes(b"of the old one")
    write(path, [])

    with pycolmap.Database.open(path) as opened:
        assert opened.num_images() == len(IMAGES)
        assert opened.num_matched_image_pairs() == 0


def test_pairs_are_read_one_by_one(tmp_path):
    """Memory must not grow with their number: the next is made when the last is written."""
    written = []

    def pairs():
        with pycolmap.Database.open(tmp_path / "database.db.new") as unfinished:
            written.append(unfinished.num_matched_image_pairs())
            yield VERIFIED
            written.append(unfinished.num_matched_image_pairs())

    write(tmp_path / "database.db", pairs())

    assert written == [0, 1]


def test_a_camera_is_made_of_what_was_said_about_it():
    camera = make_camera(CAMERAS[0])

    assert camera.camera_id == 1
    assert camera.calibration_matrix()[0, 0] == 700.0
    assert camera.has_prior_focal_length
