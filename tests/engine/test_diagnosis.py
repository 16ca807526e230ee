"""Each way in which a photo can be lost, made to happen in a small database, is named with its numbers."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.commands import RunCommand
from recon.core.components import MappingOptions
from recon.core.errors import Cause, ReconError
from recon.core.events import ignore
from recon.engine.diagnosis import diagnose_left_out, read_match_record
from recon.engine.mapper import IncrementalMapper

RNG = np.random.default_rng(0)


def around(angle_deg):
    """Return a pose on a circle of radius 8 about the points, looking inwards."""
    return pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0, np.radians(angle_deg), 0])), np.array([0, 0, 8.0]))


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
    assert found.detail.endswith("with 16 inliers; 20 points are needed")
    assert found.evidence["model_points"] <= 16
    assert found.evidence["gate"] == "correspondences"


def test_a_pose_that_is_rejected(diagnose):
    """Enough points, but its keypoints lie anywhere."""

    def add(database):
        lost = add_image(database, "nonsense.jpg", 500)
        add_pair(database, 1, lost, 100, is_verified=True)

    (found,) = diagnose(add).values()

    assert found.cause is Cause.POSE_REJECTED
    assert "with 100 inliers, but no pose fits" in found.detail
    assert found.evidence["gate"] == "inliers"
    assert found.evidence["pose_inliers"] < found.evidence["min_pose_inliers"] <= found.evidence["model_points"]


def test_a_pose_that_wants_another_focal_length(photograph):
    """As of a photo that was zoomed, or cropped with its EXIF kept."""
    path = photograph([around(angle) for angle in (0, 15, 30, 45)], RNG.uniform(-2, 2, (400, 3)))
    (model,) = IncrementalMapper().map(path, MappingOptions(fixed_camera_ids=frozenset({1})), ignore)
    left = next(image for image in model.images.values() if image.name == "photo3.jpg")
    model.deregister_frame(left.frame_id)
    with pycolmap.Database.open(path) as database:
        zoomed = database.read_keypoints(left.image_id)
        center = np.array([500, 400])
        database.clear_keypoints()
        for image in model.images.values():
            if image.image_id != left.image_id:
                database.write_keypoints(image.image_id, np.array([p.xy for p in image.points2D], np.float32))
        database.write_keypoints(left.image_id, ((zoomed - center) * 2 + center).astype(np.float32))

    (found,) = diagnose_left_out(read_match_record(path), [model])

    assert found.cause is Cause.WRONG_FOCAL_LENGTH
    assert found.evidence["fitted_focal_px"] == pytest.approx(2000, rel=0.01)
    assert "--camera-per-image" in found.try_


def test_a_photo_compared_with_no_other(synthesize):
    path, _ = synthesize(images=4)
    with pycolmap.Database.open(path) as database:
        add_image(database, "alone.jpg", 500)
    models = IncrementalMapper().map(path, MappingOptions(), ignore)
    record = read_match_record(path, compared=[])

    found = next(each for each in diagnose_left_out(record, models, RunCommand("photos")) if each.image == "alone.jpg")

    assert found.cause is Cause.NOT_COMPARED
    assert found.try_ == "recon run photos --pairs exhaustive"


def test_no_keypoints_say_nothing_where_keypoints_come_from_pairs(synthesize):
    """An image matcher gives a photo without matches no keypoints: it may be a good photo of another place."""
    path, _ = synthesize(images=4)
    with pycolmap.Database.open(path) as database:
        add_image(database, "elsewhere.jpg", 0)
    models = IncrementalMapper().map(path, MappingOptions(), ignore)

    (found,) = diagnose_left_out(read_match_record(path, keypoints_from_pairs=True), models)

    assert found.cause is Cause.NO_MATCHES


def test_a_copy_in_a_set_without_a_model(photograph):
    path = photograph([around(0), around(0)], RNG.uniform(-2, 2, (400, 3)))

    found = diagnose_left_out(read_match_record(path), [], no_model=Cause.NO_PARALLAX)

    assert [each.cause for each in found] == [Cause.SAME_PICTURE] * 2
    assert found[0].evidence["copy_of"] == "photo1.jpg"


def test_the_evidence_names_the_photos_that_match_best(diagnose):
    def add(database):
        lost = add_image(database, "similar.jpg", 500)
        add_pair(database, 1, lost, 40, is_verified=False)
        add_pair(database, 2, lost, 60, is_verified=False)

    (found,) = diagnose(add).values()

    assert [each["matches"] for each in found.evidence["matches"]] == [60, 40]
    assert all(each["registered"] and each["inliers"] == 0 for each in found.evidence["matches"])
    assert found.evidence["keypoints"] == 500


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
    assert len(record.num_matches) == len(record.num_inliers) == 6
    assert record.neighbours(names[0]) == dict.fromkeys(names[1:], 60)


def test_a_damaged_database_is_named(tmp_path):
    (tmp_path / "database.db").write_text("no database")

    with pytest.raises(ReconError) as caught:
        read_match_record(tmp_path / "database.db")

    assert caught.value.code is Cause.CORRUPT_FILE
