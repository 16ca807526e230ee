"""Where no model comes of a set, the gate that stopped it is named, with its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.errors import Cause, NoModel
from recon.core.events import ignore
from recon.engine.diagnosis import MatchRecord, explain_no_model, read_match_record
from recon.engine.diagnosis.gates import PairGates, measure_best_pairs
from recon.engine.ladder import LADDER
from recon.engine.mapper import IncrementalMapper

RNG = np.random.default_rng(0)
POINTS = RNG.uniform([-2, -2, -2], [2, 2, 2], (400, 3))
FAR_POINTS = RNG.uniform([-6, -6, 4], [6, 6, 30], (700, 3))
TURNS = [pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0, a, 0])), np.zeros(3)) for a in np.radians([0, 6, 12])]


def around(*angles_deg):
    """Return poses on a circle of radius 8 about the points, looking inwards."""
    poses = []
    for angle in np.radians(angles_deg):
        turn = pycolmap.Rotation3d(np.array([0, angle, 0]))
        poses.append(pycolmap.Rigid3d(turn, np.array([0, 0, 8.0])))
    return poses


def explain(path, min_model_size=3):
    assert IncrementalMapper().map(path, MappingOptions(min_model_size=min_model_size), ignore) == []
    explanation = explain_no_model(read_match_record(path))
    error = explanation.error
    assert isinstance(error, NoModel)
    assert error.exit_status == 1
    assert error.try_
    return error


def test_photos_from_all_around_do_make_a_model(photograph):
    """The scene of the tests below is a good one; each takes one thing away."""
    (model,) = IncrementalMapper().map(photograph(around(0, 20, 40), POINTS), MappingOptions(), ignore)

    assert model.num_reg_images() == 3


def test_no_model_of_blank_photos(photograph):
    error = explain(photograph(around(0, 20, 40), POINTS[:5]))

    assert error.code is Cause.FEW_KEYPOINTS


def test_no_model_of_photos_of_different_places(photograph):
    error = explain(photograph(around(0, 20, 40), POINTS, shared=lambda k1, k2: 10))

    assert error.code is Cause.NO_INITIAL_PAIR
    assert "3 pairs have matches, at most 10" in error.message


def test_no_model_of_photos_that_hardly_overlap(photograph):
    error = explain(photograph(around(0, 20, 40), POINTS, shared=lambda k1, k2: 18))

    assert error.code is Cause.NO_INITIAL_PAIR
    assert "18 inliers, 19" in error.message


@pytest.mark.parametrize("min_model_size", [2, 3])
def test_no_model_where_the_camera_turned_on_the_spot(photograph, min_model_size):
    """Any number of inliers, and no depth: the most common mistake of a first-time user."""
    error = explain(photograph(TURNS[:min_model_size], FAR_POINTS), min_model_size)

    assert error.code is Cause.NO_PARALLAX
    assert "0.0 deg" in error.message


def test_a_turn_is_known_for_one_whatever_the_focal_length(photograph):
    """With a focal length guessed wrong a turn looks like a step in front of a wall, with an angle of its own."""
    path = photograph(TURNS, FAR_POINTS)
    with pycolmap.Database.open(path) as database:
        (camera,) = database.read_all_cameras()
        camera.params = [600.0, 600.0, 500.0, 400.0]
        database.update_camera(camera)

    pairs = {(each.image1, each.image2): each for each in measure_best_pairs(read_match_record(path))}

    assert pairs["photo0.jpg", "photo1.jpg"].turn_deg == pytest.approx(6, abs=0.2)
    assert pairs["photo0.jpg", "photo2.jpg"].turn_deg == pytest.approx(12, abs=0.2)


def test_a_walk_around_is_no_turn(photograph):
    pairs = measure_best_pairs(read_match_record(photograph(around(0, 20, 40), POINTS)))

    assert [each.turn_deg for each in pairs] == [None] * 3
    assert all(each.angle_deg > 10 for each in pairs)


@pytest.mark.parametrize(
    ("numbers", "gate"),
    [
        ({"inliers": 29}, "inliers"),
        ({"angle_deg": 1.9}, "angle"),
        ({}, None),
    ],
)
def test_the_gate_is_the_first_demand_that_is_not_met(numbers, gate):
    good = PairGates("a", "b", matches=200, inliers=100, angle_deg=20, forward_motion=0.3, shift=0.1)

    assert replace(good, **numbers).gate(LADDER[-1]) == gate


def test_forward_motion_stops_all_steps_but_the_last():
    ahead = PairGates("a", "b", matches=200, inliers=150, angle_deg=20, forward_motion=0.99, shift=0.1)

    assert {ahead.gate(step) for step in LADDER[:-1]} == {"forward motion"}
    assert ahead.gate(LADDER[-1]) is None


def test_no_model_of_two_photos_where_three_are_asked_for(photograph):
    overlap = {(0, 1): 200}
    error = explain(photograph(around(0, 20, 40), POINTS, shared=lambda k1, k2: overlap.get((k1, k2), 0)))

    assert error.code is Cause.MODEL_TOO_SMALL
    assert "photo0.jpg - photo1.jpg: 200 inliers" in error.message


def test_no_model_of_no_photos(tmp_path):
    error = explain_no_model(MatchRecord(tmp_path / "unread.db", {}, {}, {})).error

    assert error.code is Cause.FEW_KEYPOINTS
