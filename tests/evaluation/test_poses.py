"""The metric of papers, to the digit: pair errors, area under the recall curve, centres after alignment."""

from __future__ import annotations

import json

import numpy as np
import pycolmap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core.errors import UsageError
from recon.evaluation.poses import area_under_recall, evaluate, pair_errors
from recon.evaluation.truth import Pose, Truth
from recon.evaluation.truth_files import read_truth

THRESHOLDS = {"0.5", "1", "3", "5", "10", "20"}


def truth_of(model, tmp_path):
    path = tmp_path / "gt.json"
    images = {}
    for image_id in model.reg_image_ids():
        pose = model.image(image_id).cam_from_world()
        entry = {"R": pose.rotation.matrix().tolist(), "t": pose.translation.tolist(), "K": None}
        images[model.image(image_id).name] = entry
    path.write_text(json.dumps({"images": images}))
    return read_truth(path)


def random_rotation(rng):
    quaternion = rng.normal(size=4)
    return pycolmap.Rotation3d(quaternion / np.linalg.norm(quaternion))


def noisy(poses, rng, angle_deg, shift):
    """Turn and move each pose by about as much."""
    moved = {}
    for name, pose in poses.items():
        turn = pycolmap.Rotation3d(rng.normal(size=3) * np.radians(angle_deg)).matrix()
        center = pose.center + rng.normal(size=3) * shift
        moved[name] = Pose(turn @ pose.rotation, -turn @ pose.rotation @ center)
    return moved


def test_a_perfect_model_scores_100(synthetic_model, tmp_path):
    model = synthetic_model()

    result = evaluate(model, truth_of(model, tmp_path))

    assert (result.registered, result.images, result.pairs) == (6, 6, 15)
    assert set(result.auc_deg) == THRESHOLDS
    assert all(area == pytest.approx(100, abs=1e-4) for area in result.auc_deg.values())
    assert result.median_error_deg < 1e-5
    assert result.center_rmse == pytest.approx(0, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 1000))
def test_a_similarity_of_the_model_changes_nothing(synthetic_model, tmp_path_factory, seed, scale):
    """Scale, place and orientation of a reconstruction are arbitrary."""
    rng = np.random.default_rng(seed)
    model = synthetic_model()
    truth = truth_of(model, tmp_path_factory.mktemp("truth"))
    truth = Truth(truth.path, noisy(truth.poses, rng, angle_deg=1, shift=0.05))
    before = evaluate(model, truth)
    moved = model.__copy__()
    moved.transform(pycolmap.Sim3d(scale, random_rotation(rng), rng.normal(size=3) * 100))

    after = evaluate(moved, truth)

    assert after.auc_deg == pytest.approx(before.auc_deg, rel=1e-6)
    assert after.median_error_deg == pytest.approx(before.median_error_deg, rel=1e-6)
    assert after.center_rmse == pytest.approx(before.center_rmse, rel=1e-6)
    assert after.center_median == pytest.approx(before.center_median, rel=1e-6)


def test_centres_are_measured_in_the_units_of_the_truth(synthetic_model, tmp_path):
    rng = np.random.default_rng(3)
    model = synthetic_model()
    truth = truth_of(model, tmp_path)
    once = Truth(truth.path, noisy(truth.poses, rng, angle_deg=0, shift=0.05))
    tenfold = {name: Pose(pose.rotation, 10 * pose.translation) for name, pose in once.poses.items()}

    assert evaluate(model, Truth(truth.path, tenfold)).center_rmse == pytest.approx(
        10 * evaluate(model, once).center_rmse
    )


def test_the_area_is_the_one_worked_out_by_hand():
    """Recall rises to 1/4 at 0.5 degrees and to 2/4 at 2 degrees; two pairs are unregistered."""
    errors = np.array([180.0, 2.0, 0.5, 180.0])

    assert area_under_recall(errors, 1.0) == pytest.approx(0.5 * 0.25 / 2 + 0.5 * 0.25)
    assert area_under_recall(errors, 4.0) == pytest.approx((0.5 * 0.25 / 2 + 1.5 * (0.25 + 0.5) / 2 + 2 * 0.5) / 4)
    assert area_under_recall(errors, 0.25) == 0.0


def test_an_error_at_the_threshold_is_not_below_it():
    assert area_under_recall(np.array([1.0]), 1.0) == 0.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 180), min_size=1, max_size=30), st.floats(0.1, 20))
def test_the_area_is_that_of_superglue(errors, threshold):
    """The published function, written out."""
    ordered = [0.0, *sorted(errors)]
    recall = np.arange(len(ordered)) / len(errors)
    last = np.searchsorted(ordered, threshold)
    expected = np.trapezoid([*recall[:last], recall[last - 1]], x=[*ordered[:last], threshold]) / threshold

    assert area_under_recall(np.array(errors), threshold) == pytest.approx(expected)


def test_a_camera_turned_by_two_degrees_spoils_its_pairs_by_two_degrees(synthetic_model, tmp_path):
    poses = dict(truth_of(synthetic_model(images=4), tmp_path).poses)
    turn = pycolmap.Rotation3d(np.radians([0.0, 2.0, 0.0])).matrix()
    turned = poses | {
        "image0000.png": Pose(turn @ poses["image0000.png"].rotation, turn @ poses["image0000.png"].translation)
    }

    errors = pair_errors(poses, turned)

    assert errors == pytest.approx([2, 2, 2, 0, 0, 0], abs=1e-5)


def test_a_direction_is_not_taken_for_its_opposite():
    """An essential matrix cannot tell them apart; a pose can."""
    truth = {"a": Pose(np.eye(3), np.zeros(3)), "b": Pose(np.eye(3), np.array([1.0, 0, 0]))}
    mirrored = {"a": truth["a"], "b": Pose(np.eye(3), np.array([-1.0, 0, 0]))}

    assert pair_errors(truth, mirrored) == pytest.approx([180])


def test_pairs_from_one_place_are_judged_by_rotation_alone():
    """A camera on a tripod: their direction is noise; a model that moves it is judged by the other pairs."""
    poses = {
        "a": Pose(np.eye(3), np.zeros(3)),
        "b": Pose(np.eye(3), np.zeros(3)),
        "c": Pose(np.eye(3), np.array([1.0, 0, 0])),
    }
    found = poses | {"b": Pose(np.eye(3), np.array([0, 1e-3, 0]))}

    assert pair_errors(poses, found)[0] == pytest.approx(0)


def test_a_model_that_lays_two_cameras_on_one_place_is_wrong():
    truth = {"a": Pose(np.eye(3), np.zeros(3)), "b": Pose(np.eye(3), np.array([1.0, 0, 0]))}
    found = {"a": truth["a"], "b": truth["a"]}

    assert pair_errors(truth, found) == pytest.approx([180])


def test_an_unregistered_image_costs_all_its_pairs(synthetic_model, tmp_path):
    model = synthetic_model(images=6)
    truth = truth_of(model, tmp_path)
    part = model.__copy__()
    part.deregister_frame(next(iter(part.reg_frame_ids())))

    result = evaluate(part, truth)

    assert (result.registered, result.images, result.pairs) == (5, 6, 15)
    assert result.auc_deg["1"] == pytest.approx(100 * 10 / 15, abs=0.01)
    assert result.center_rmse == pytest.approx(0, abs=1e-9)


def test_below_three_images_there_is_no_centre_error(synthetic_model, tmp_path):
    model = synthetic_model(images=4)
    truth = truth_of(model, tmp_path)
    part = model.__copy__()
    for frame_id in list(part.reg_frame_ids())[:2]:
        part.deregister_frame(frame_id)

    result = evaluate(part, truth)

    assert result.registered == 2
    assert result.center_rmse is None
    assert result.center_median is None
    assert json.loads(json.dumps(result.as_dict()))["center_rmse"] is None


def test_truth_of_other_photos_is_refused_by_name(synthetic_model, tmp_path):
    truth = truth_of(synthetic_model(), tmp_path)
    other = Truth(truth.path, {f"other{number}.jpg": pose for number, pose in enumerate(truth.poses.values())})

    with pytest.raises(UsageError, match=r"other0\.jpg.*image0000\.png"):
        evaluate(synthetic_model(), other)


def test_names_in_folders_are_found_by_their_base_name(synthetic_model, tmp_path):
    model = synthetic_model()
    truth = truth_of(model, tmp_path)
    for image_id in model.reg_image_ids():
        model.image(image_id).name = f"left/{model.image(image_id).name}"

    assert evaluate(model, truth).registered == 6
