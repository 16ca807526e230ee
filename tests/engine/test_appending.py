"""Keypoints that follow those of a photo, in a database and in a model; and when two models agree."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.data import Matches
from recon.engine.agreement import models_agree
from recon.engine.appending import append_keypoints, complete_from_model, extend_geometries, extend_rows
from recon.engine.database_contents import read_keypoints
from recon.engine.two_view import VerifiedGeometry
from recon.stages.escalation.further_keypoints import place_rows


def test_a_keypoint_that_is_there_keeps_its_row_and_others_follow():
    known = np.array([[10, 10], [50, 50]], np.float32)
    found = np.array([[50.2, 50], [80, 80], [10, 10.4], [10.1, 10], [5, 5]], np.float32)

    rows, added = place_rows(found, known, np.array([0, 1, 2, 3]))

    assert rows.tolist() == [1, 2, 3, 0, -1]  # the nearer of two has the row; what is not used gets none
    assert added.tolist() == [1, 2]


def test_without_known_keypoints_all_are_added():
    rows, added = place_rows(np.ones((2, 2), np.float32), np.zeros((0, 2), np.float32), np.array([0, 1]))

    assert rows.tolist() == [0, 1]
    assert added.tolist() == [0, 1]


@pytest.fixture
def database(tmp_path):
    """Return a database of two photos with four keypoints each, two of them matched."""
    path = tmp_path / "database.db"
    with pycolmap.Database.open(path) as opened:
        camera = pycolmap.Camera(model="SIMPLE_PINHOLE", width=100, height=100, params=[100, 50, 50])
        camera_id = opened.write_camera(camera)
        rig = pycolmap.Rig()
        rig.add_ref_sensor(opened.read_camera(camera_id).sensor_id)
        rig_id = opened.write_rig(rig)
        for name in ("a.png", "b.png"):
            image_id = opened.write_image(pycolmap.Image(name=name, camera_id=camera_id))
            frame = pycolmap.Frame()
            frame.rig_id = rig_id
            frame.add_data_id(opened.read_image(image_id).data_id)
            opened.write_frame(frame)
            opened.write_keypoints(image_id, np.arange(16, dtype=np.float32).reshape(4, 4))
        opened.write_matches(1, 2, np.array([[0, 0], [1, 1]], np.uint32))
        opened.write_two_view_geometry(1, 2, verified([[0, 0], [1, 1]]).to_pycolmap())
    return path


def verified(inliers):
    return VerifiedGeometry(2, np.zeros((3, 3, 3)), np.array(inliers, np.uint32))


def test_keypoints_follow_those_of_the_database(database):
    before = read_keypoints(database)

    append_keypoints(database, {"a.png": np.array([[7, 8]], np.float32)})

    after = read_keypoints(database)
    assert np.array_equal(after["a.png"][:4], before["a.png"])
    assert after["a.png"][4:].tolist() == [[7, 8]]
    assert np.array_equal(after["b.png"], before["b.png"])


def test_what_verified_before_stays_and_no_keypoint_is_matched_twice(database):
    inliers = np.array([[0, 2], [2, 1], [3, 3]], np.uint32)

    num_gained = extend_geometries(database, {("a.png", "b.png"): (Matches(inliers), verified(inliers))})

    assert num_gained == 1
    with pycolmap.Database.open(database) as opened:
        found = opened.read_two_view_geometry(1, 2).inlier_matches
        assert found.tolist() == [[0, 0], [1, 1], [3, 3]]
        assert opened.read_matches(1, 2).tolist() == found.tolist()


def test_a_pair_without_anything_new_gains_nothing(database):
    inliers = np.array([[0, 0], [1, 1]], np.uint32)

    assert extend_geometries(database, {("a.png", "b.png"): (Matches(inliers), verified(inliers))}) == 0


def test_a_model_and_a_database_are_brought_to_the_same_rows(tmp_path):
    options = pycolmap.SyntheticDatasetOptions(num_rigs=1, num_frames_per_rig=4, num_points3D=60)
    path = tmp_path / "database.db"
    with pycolmap.Database.open(path) as opened:
        model = pycolmap.synthesize_dataset(options, opened)
        first = opened.read_image(min(model.reg_image_ids()))
    lone = min(model.reg_image_ids())
    with pycolmap.Database.open(path) as opened:
        for other in sorted(set(model.reg_image_ids()) - {lone}):
            opened.delete_two_view_geometry(lone, other)
    num_points = model.image(lone).num_points3D
    append_keypoints(path, {first.name: np.array([[1, 2], [3, 4]], np.float32)})

    extended = extend_rows(model, path)

    assert extended == [lone]
    assert model.image(lone).points2D[-1].xy.tolist() == [3, 4]
    assert model.image(lone).num_points3D == num_points

    model.image(lone).points2D.append(pycolmap.Point2D(np.array([5.0, 6.0])))
    complete_from_model(path, model)

    assert len(read_keypoints(path)[first.name]) == model.image(lone).num_points2D()
    with pycolmap.Database.open(path) as opened:
        links = [opened.read_two_view_geometry(lone, other).inlier_matches for other in sorted(model.images)[1:]]
        other = model.image(sorted(model.images)[1])
    assert min(map(len, links)) > 15
    shared = [(model.image(lone).points2D[a], other.points2D[b]) for a, b in links[0]]
    assert all(point1.point3D_id == point2.point3D_id for point1, point2 in shared)


def turned(model, degrees):
    """Return a copy in which one photo looks elsewhere."""
    copy = pycolmap.Reconstruction(model)
    frame = copy.frame(min(copy.reg_frame_ids()))
    turn = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0, np.radians(degrees), 0])), np.zeros(3))
    frame.rig_from_world = turn * frame.rig_from_world
    return copy


def test_a_model_agrees_with_itself_in_another_frame(synthetic_model):
    model = synthetic_model()
    moved = pycolmap.Reconstruction(model)
    moved.transform(pycolmap.Sim3d(3.0, pycolmap.Rotation3d(np.array([0.3, 0.2, 1.0])), np.array([1.0, 2, 3])))

    assert models_agree(model, moved)
    assert models_agree(model, turned(model, 1))


def test_models_with_a_photo_turned_or_missing_do_not_agree(synthetic_model):
    model = synthetic_model()
    without = pycolmap.Reconstruction(model)
    without.deregister_frame(min(without.reg_frame_ids()))

    assert not models_agree(model, turned(model, 4))
    assert not models_agree(model, without)
