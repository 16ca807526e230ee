"""Each way in which a photo can be lost, made to happen in a small database, is named with its numbers."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.errors import Cause, ReconError
from recon.core.events import ignore
from recon.engine.diagnosis import diagnose_left_out, read_match_record
from recon.engine.mapper import IncrementalMapper


def add_image(database, name, num_keypoints):
    """Add a photo whose keypoints lie anywhere."""
    (rig, *_) = database.read_all_rigs()
    camera_id = rig.ref_sensor_id.id
    image = pycolmap.Image(name=name, camera_id=camera_id)
    image.image_id = database.write_image(image)
    frame = pycolmap.Frame()
    frame.rig_id = rig.rig_id
    frame.add_data_id(image.data_id)
    database.write_frame(frame)
    positions = np.random.default_rng(0).uniform((0, 0), (1024, 768), (num_keypoints, 2)).astype(np.float32)
    database.write_keypoints(image.image_id, positions)
    return image.image_id


def add_pair(database, image_id1, image_id2, num_matches, is_verified):
    """Match the first keypoints of one photo to those from row 300 of another."""
    rows = np.arange(num_matches, dtype=np.uint32)
    matches = np.stack([rows, rows + 300], 1)
    database.write_matches(image_id1, image_id2, matches)
    if is_verified:
        geometry = pycolmap.TwoViewGeometry()
        geometry.config = pycolmap.TwoViewGeometryConfiguration.UNCALIBRATED
        geometry.inlier_matches = matches
        geometry.F = np.eye(3)
        database.write_two_view_geometry(image_id1, image_id2, geometry)


@pytest.fixture
def diagnose(synthesize):
    """Return a function that adds photos to a scene of eight, maps it, and gives what was left out, by name."""

    def run(add):
        path, truth = synthesize(images=8)
        with pycolmap.Database.open(path) as database:
            add(database)
        models = IncrementalMapper().map(path, MappingOptions(), ignore)
        found = diagnose_left_out(read_match_record(path), models)
        assert models[0].num_reg_images() == truth.num_reg_images()
        return {each.image: each for each in found}

    return run


def test_a_whole_scene_leaves_nothing_out(diagnose):
    assert diagnose(lambda database: None) == {}


def test_few_keypoints(diagnose):
    (found,) = diagnose(lambda database: add_image(database, "blurred.jpg", 20)).values()

    assert (found.image, found.cause) == ("blurred.jpg", Cause.FEW_KEYPOINTS)
    assert found.detail.startswith("20 keypoints")


def test_no_matches(diagnose):
    (found,) = diagnose(lambda database: add_image(database, "elsewhere.jpg", 500)).values()

    assert (found.image, found.cause) == ("elsewhere.jpg", Cause.NO_MATCHES)


def test_no_verified_geometry(diagnose):
    def add(database):
        lost = add_image(database, "similar.jpg", 500)
        add_pair(database, 1, lost, 40, is_verified=False)
        add_pair(database, 2, lost, 60, is_verified=False)

    (found,) = diagnose(add).values()

    assert found.cause is Cause.NO_VERIFIED_GEOMETRY
    assert "2 photos, at most 60 matches" in found.detail


def test_not_connected(diagnose):
    def add(database):
        ids = [add_image(database, name, 500) for name in ("apart1.jpg", "apart2.jpg")]
        add_pair(database, *ids, 40, is_verified=True)

    found = diagnose(add)

    assert {each.cause for each in found.values()} == {Cause.NOT_CONNECTED}
    assert "40 inliers (apart2.jpg), none of them in the model" in found["apart1.jpg"].detail


def test_few_correspondences(diagnose):
    def add(database):
        lost = add_image(database, "edge.jpg", 500)
        add_pair(database, 1, lost, 16, is_verified=True)

    (found,) = diagnose(add).values()

    assert found.cause is Cause.FEW_CORRESPONDENCES
    assert found.detail.endswith("with 16 inliers; 30 are needed")


def test_a_pose_that_is_rejected(diagnose):
    """Enough points, but its keypoints lie anywhere."""

    def add(database):
        lost = add_image(database, "nonsense.jpg", 500)
        add_pair(database, 1, lost, 100, is_verified=True)

    (found,) = diagnose(add).values()

    assert found.cause is Cause.POSE_REJECTED
    assert "with 100 inliers, but no pose fits" in found.detail


def test_registered_in_another_model(synthesize):
    path, larger = synthesize(images=8)
    _, smaller = synthesize(images=5, seed=1, into=path)
    models = IncrementalMapper().map(path, MappingOptions(), ignore)

    found = diagnose_left_out(read_match_record(path), models)

    assert [each.image for each in found] == sorted(image.name for image in smaller.images.values())
    assert {each.cause for each in found} == {Cause.OTHER_MODEL}
    assert all("4 other photos in the separate model sparse/1" in each.detail for each in found)
    assert larger.num_reg_images() == 8


def test_without_a_model_every_photo_is_left_out(synthesize):
    path, truth = synthesize(images=4)

    found = diagnose_left_out(read_match_record(path), [])

    assert [each.image for each in found] == sorted(image.name for image in truth.images.values())
    assert all("no model came of them" in each.detail for each in found)


def test_every_diagnosis_says_what_to_do(diagnose):
    def add(database):
        add_image(database, "blurred.jpg", 20)
        add_image(database, "elsewhere.jpg", 500)
        add_pair(database, 1, add_image(database, "edge.jpg", 500), 16, is_verified=True)

    found = diagnose(add)

    assert len(found) == 3
    assert all(each.try_ and each.detail for each in found.values())


def test_the_record_holds_what_the_database_holds(synthesize):
    path, truth = synthesize(images=4, points=60)
    names = sorted(image.name for image in truth.images.values())
    record = read_match_record(path)

    assert sorted(record.num_keypoints) == names
    assert all(number == 70 for number in record.num_keypoints.values())  # 60 points and 10 strays
    assert len(record.num_matches) == len(record.inliers) == 6
    assert record.neighbours(names[0]) == dict.fromkeys(names[1:], 60)


def test_a_damaged_database_is_named(tmp_path):
    (tmp_path / "database.db").write_text("no database")

    with pytest.raises(ReconError) as caught:
        read_match_record(tmp_path / "database.db")

    assert caught.value.code is Cause.CORRUPT_FILE
