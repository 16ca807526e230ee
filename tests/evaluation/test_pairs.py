"""Scores of photo pairs, on geometry that is known exactly."""

from __future__ import annotations

import json

import numpy as np
import pycolmap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon import ImagePair, PairPositions, ReconError
from recon.evaluation.pairs import (
    PairScore,
    View,
    pairs_at_steps,
    read_views,
    relative_pose,
    sampson_distances,
    score_pair,
    score_pairs,
    summarise_pairs,
)
from recon.evaluation.truth import Pose

PAIR = ImagePair("a", "b")
DISTORTION = (-0.3, 0.02, 0.001, -0.002)


def camera(distortion=(), size=(800, 600), focal=700.0):
    width, height = size
    params = [focal, focal * 1.01, width / 2 + 3, height / 2 - 2, *distortion]
    model = "OPENCV" if distortion else "PINHOLE"
    return pycolmap.Camera(model=model, width=width, height=height, params=params)


def turned(angles_rad, translation):
    return Pose(pycolmap.Rotation3d(np.array(angles_rad, np.float64)).matrix(), np.array(translation, np.float64))


def two_views(distortion=()):
    """Return a camera at the world's origin and one beside it, looking a little across."""
    start = Pose(np.eye(3), np.zeros(3))
    return {
        "a": View(camera(distortion), start),
        "b": View(camera(distortion), turned([0.05, -0.2, 0.1], [1, 0.2, 0.1])),
    }


def seen_by(views, count=200, seed=0):
    """Return the exact positions of `count` points in both views."""
    points = np.random.default_rng(seed).uniform([-2, -1.5, 4], [2, 1.5, 9], (count, 3))
    xy = []
    for view in views.values():
        points_in_camera = points @ view.pose.rotation.T + view.pose.translation
        xy.append(view.camera.img_from_cam(points_in_camera).astype(np.float32))
    return PairPositions(xy[0], xy[1], np.ones(count, np.float32))


@pytest.mark.parametrize("distortion", [(), DISTORTION])
def test_exact_matches_score_without_error(distortion):
    """Positions are float32: hundreds of pixels to the fifth digit."""
    views = two_views(distortion)
    score = score_pair(PAIR, seen_by(views), views)

    assert score.matches == 200
    assert score.sampson_px.max() < 2e-4
    assert score.precision == 1.0
    assert score.pose_error_deg < 1e-3


def test_distortion_is_not_passed_over():
    """Else the test above would not need its camera."""
    views = two_views()
    distorted = seen_by(two_views(DISTORTION))

    assert np.median(sampson_distances(distorted, views["a"], views["b"])) > 0.1


@given(st.floats(0.01, 4), st.sampled_from([-1, 1]))
@settings(max_examples=50, deadline=None)
def test_sampson_of_a_move_across_the_epipolar_line_is_shared_by_both_photos(distance_px, side):
    """Two level cameras side by side: epipolar lines are rows, and half of a move down is the other photo's."""
    start, beside = Pose(np.eye(3), np.zeros(3)), Pose(np.eye(3), np.array([-1.0, 0, 0]))
    level = pycolmap.Camera(model="PINHOLE", width=800, height=600, params=[700, 700, 400, 300])
    views = {"a": View(level, start), "b": View(level, beside)}
    exact = seen_by(views)
    along = np.array([25.0, side * distance_px], np.float32)  # what moves along the line is no error
    moved = PairPositions(exact.xy1, exact.xy2 + along, exact.scores)

    assert sampson_distances(moved, views["a"], views["b"]) == pytest.approx(distance_px / np.sqrt(2), abs=1e-4)


def test_precision_counts_up_to_one_and_a_half_pixels():
    views = two_views()
    score = PairScore(PAIR, 4, np.array([0.0, 1.5, 1.51, np.inf]), 0.0)

    assert score.precision == 0.5
    assert PairScore(PAIR, 0, np.zeros(0), 180.0).precision == 0.0
    assert np.isinf(sampson_distances(far_outside(), *two_views(DISTORTION).values())).all()
    assert len(sampson_distances(seen_by(views, 0), views["a"], views["b"])) == 0


def far_outside():
    xy = np.full((3, 2), 1e9, np.float32)
    return PairPositions(xy, xy, np.ones(3, np.float32))


@given(st.floats(0, 40), st.floats(0, 170))
@settings(max_examples=50, deadline=None)
def test_the_pose_error_is_the_larger_of_the_two_angles(turn_deg, bend_deg):
    """Of rotations, and of the directions of translations; lengths do not count."""
    views = two_views()
    true = views["b"].pose
    axis = np.cross(true.translation, [0, 0, 1])
    axis /= np.linalg.norm(axis)
    turn, bend = (pycolmap.Rotation3d(np.radians(angle) * axis).matrix() for angle in (turn_deg, bend_deg))

    def estimate(positions, view1, view2):
        return Pose(turn @ true.rotation, 7 * bend @ true.translation)

    assert score_pair(PAIR, seen_by(views), views, estimate).pose_error_deg == pytest.approx(
        max(turn_deg, bend_deg), abs=1e-6
    )


@pytest.mark.parametrize("count", [0, 4])
def test_too_few_matches_leave_the_pair_without_a_pose(count):
    views = two_views()
    score = score_pair(PAIR, seen_by(views, count), views)

    assert score.pose_error_deg == 180
    assert score.matches == count


def test_poses_come_through_wrong_matches_and_depend_on_the_seed_alone():
    """A third of the matches is noise."""
    views = two_views()
    exact = seen_by(views, 300)
    rng = np.random.default_rng(0)
    xy2 = exact.xy2.copy()
    xy2[:100] = rng.uniform(0, 600, (100, 2))
    xy2[100:] += rng.normal(0, 0.3, (200, 2))
    noisy = PairPositions(exact.xy1, xy2.astype(np.float32), exact.scores)
    first, again = (relative_pose(noisy, views["a"], views["b"], seed=3) for _ in range(2))

    assert np.array_equal(first.rotation, again.rotation)
    assert score_pair(PAIR, noisy, views).pose_error_deg < 1


def test_the_summary_is_the_one_worked_out_by_hand():
    """Errors 0.5, 2 and 180 degrees: recall 1/3 at 0.5, 2/3 at 2."""
    scores = [
        PairScore(PAIR, 2, np.array([0.1, 3.0]), 2.0),
        PairScore(PAIR, 4, np.array([0.2, 0.3, 0.4, 9.0]), 0.5),
        PairScore(PAIR, 0, np.zeros(0), 180.0),
    ]
    summary = summarise_pairs(scores)

    assert summary.pairs == 3
    assert summary.auc_deg["1"] == pytest.approx(100 * (0.5 * (1 / 3) / 2 + 0.5 / 3))
    assert summary.auc_deg["5"] == pytest.approx(100 * (0.5 / 6 + 1.5 * (1 / 3 + 2 / 3) / 2 + 3 * 2 / 3) / 5)
    assert set(summary.auc_deg) == {"1", "2", "5", "10"}
    assert summary.median_error_deg == 2.0
    assert summary.matches == 2.0
    assert summary.precision == pytest.approx(100 * (0.5 + 0.75 + 0) / 3)
    assert summary.median_sampson_px == pytest.approx(1.55)  # of 1.55, 0.35 and none
    assert json.loads(json.dumps(summary.as_dict()))["auc_deg"]["1"] == summary.auc_deg["1"]


def test_perfect_pairs_have_the_whole_area():
    views = two_views()

    summary = summarise_pairs(score_pairs({PAIR: seen_by(views)}, views))

    assert summary.auc_deg == pytest.approx({"1": 100, "2": 100, "5": 100, "10": 100}, abs=0.1)


def test_there_is_no_summary_of_nothing():
    with pytest.raises(ValueError, match="no pair"):
        summarise_pairs([])


def test_steps_are_counted_in_the_order_of_names():
    pairs = pairs_at_steps(["c", "a", "d", "b"], [2, 1, 1])

    assert [(pair.name1, pair.name2) for pair in pairs] == [("a", "b"), ("b", "c"), ("c", "d"), ("a", "c"), ("b", "d")]
    assert pairs_at_steps(["a", "b"], [3]) == []


def entry(**changes):
    plain = {
        "R": np.eye(3).tolist(),
        "t": [0, 0, 1],
        "K": [[700, 0, 399.5], [0, 700, 299.5], [0, 0, 1]],
        "width": 800,
        "height": 600,
    }
    return {**plain, **changes}


def written(tmp_path, **entries):
    path = tmp_path / "gt.json"
    path.write_text(json.dumps({"images": entries}))
    return path


def test_cameras_of_the_truth_have_colmaps_origin(tmp_path):
    """The truth's pixel centres are whole numbers: 399.5 is the middle of 800 pixels, 400 in COLMAP's."""
    views = read_views(written(tmp_path, b=entry(), a=entry(dist=list(DISTORTION))))

    assert list(views) == ["a", "b"]
    assert views["b"].camera.params.tolist() == [700, 700, 400, 300]
    assert views["a"].camera.params.tolist() == [700, 700, 400, 300, *DISTORTION]


def test_a_smaller_photo_has_a_smaller_camera(tmp_path):
    """Half the size: half of every length, and half of every distance; larger than the photo changes nothing."""
    full = read_views(written(tmp_path, a=entry(), b=entry()))["a"]

    half = full.resized(400)
    assert half.camera.params.tolist() == [350, 350, 200, 150]
    assert (half.camera.width, half.camera.height) == (400, 300)
    assert full.camera.params.tolist() == [700, 700, 400, 300]
    assert full.resized(4000).camera.params.tolist() == [700, 700, 400, 300]


@pytest.mark.parametrize(
    "changes", [{"K": None}, {"K": [[1, 2], [3, 4]]}, {"width": None}, {"height": 0}, {"dist": [0.1, 0.2]}]
)
def test_a_truth_without_cameras_names_the_image(tmp_path, changes):
    path = written(tmp_path, good=entry(), bad=entry(**changes))

    with pytest.raises(ReconError, match="'bad'") as caught:
        read_views(path)
    assert caught.value.file == str(path)
