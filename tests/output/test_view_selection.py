"""What a click means, and the lines, distances and words that follow."""

from __future__ import annotations

import numpy as np
import pytest

from recon.core.frame import ModelFrame, Units
from recon.output.view_models import ShownModel, view_scene
from recon.output.view_selection import MATCH_COLOR, MEASURE_COLOR, MOST_LINES, TRACK_COLOR, Eye, Selection

SIZE = (800, 600)


@pytest.fixture
def shown(synthetic_model):
    return view_scene([ShownModel(synthetic_model(points=400), frame=ModelFrame(Units.METRES))], SIZE)


@pytest.fixture
def selection(shown):
    return Selection(shown.scene.positions, shown.links)


def eye_of(shown):
    view = shown.scene.viewpoint
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = view.cam_from_world
    extrinsic[:3, 3] = -view.cam_from_world @ view.position
    focal_length = SIZE[1] / 2 / view.tangents[1]
    return Eye(np.array([(focal_length, 0, 400), (0, focal_length, 300), (0, 0, 1.0)]), extrinsic)


def test_a_click_on_a_point_picks_the_frontmost_one_there(shown, selection):
    eye = eye_of(shown)
    pixels, depths = eye.project(shown.scene.positions)
    for point in range(0, 400, 40):
        selection.pick(eye, tuple(pixels[point]), with_photos=False)
        picked = selection.points[-1]
        assert np.linalg.norm(pixels[picked] - pixels[point]) <= 7
        assert depths[picked] <= depths[point] * 1.001


def test_a_click_on_a_drawn_photo_picks_it_unless_the_cameras_are_hidden(shown, selection):
    eye = eye_of(shown)
    middle = tuple(eye.project(shown.links.corners[2].mean(axis=0)[None])[0][0])
    # Away from the points, which may lie before it.
    apart = Selection(np.full((len(shown.scene.positions), 3), 1e6), shown.links)

    apart.pick(eye, middle)
    depths = eye.project(shown.links.corners.reshape(-1, 3))[1].reshape(-1, 4).mean(axis=1)
    assert depths[apart.photos[0]] <= depths[2] + 1e-9
    apart.pick(eye, middle, with_photos=False)
    assert apart.photos == ()


def test_a_click_beside_everything_forgets(shown, selection):
    selection.pick_point(3)

    assert selection.pick(eye_of(shown), (-500.0, -500.0)) == "nothing picked"
    assert selection.lines() == []


def test_what_is_behind_the_eye_is_not_picked(shown, selection):
    eye = eye_of(shown)
    turned = Eye(eye.intrinsics, np.diag([1.0, -1.0, -1.0, 1.0]) @ eye.cam_from_world)
    pixels, _ = Eye(eye.intrinsics, eye.cam_from_world).project(shown.scene.positions)

    assert all(selection.pick(turned, tuple(pixel)) == "nothing picked" for pixel in pixels[:20])


def test_a_point_is_joined_to_every_photo_that_sees_it(shown, selection):
    selection.pick_point(7)
    ((lines, color),) = selection.lines()

    photos = shown.links.photos_of(7)
    assert color == TRACK_COLOR
    assert len(photos) > 1
    np.testing.assert_array_equal(lines[:, 1], shown.links.centers[photos])
    np.testing.assert_array_equal(lines[:, 0], np.repeat(shown.scene.positions[7][None], len(photos), axis=0))
    assert f"seen by {len(photos)} photos" in selection.sentence()


def test_two_points_are_measured_in_the_models_unit(shown, selection):
    selection.pick_point(7)
    selection.pick_point(9)

    expected = np.linalg.norm(shown.scene.positions[7] - shown.scene.positions[9])
    assert selection.distance() == (pytest.approx(expected), "m")
    assert f"{expected:.4g} m" in selection.sentence()
    np.testing.assert_array_equal(selection.lines()[-1][0], shown.scene.positions[[7, 9]][None])
    assert selection.lines()[-1][1] == MEASURE_COLOR
    selection.pick_point(11)
    assert selection.points == (9, 11)


def test_what_was_scaled_to_be_shown_is_measured_as_it_is(synthetic_model):
    import pycolmap

    model, large = synthetic_model(), synthetic_model().__copy__()
    large.transform(pycolmap.Sim3d(25.0, pycolmap.Rotation3d(), np.zeros(3)))
    shown = view_scene([ShownModel(model), ShownModel(large)], SIZE)
    selection = Selection(shown.scene.positions, shown.links)
    first, second = np.nonzero(shown.links.model_of_point == 1)[0][[4, 8]]
    selection.pick_point(int(first))
    selection.pick_point(int(second))

    positions = [point.xyz for _, point in sorted(large.points3D.items())]
    assert selection.distance() == (pytest.approx(np.linalg.norm(positions[4] - positions[8])), "units")
    assert "recon scale" in selection.sentence()
    selection.pick_point(0)
    assert selection.distance() is None
    assert "different models" in selection.sentence()


def test_two_photos_are_joined_by_their_matches(shown, selection):
    selection.pick_photo(0)
    selection.pick_photo(1)
    ((lines, color),) = selection.lines()

    count = len(shown.links.shared(0, 1)[0])
    assert color == MATCH_COLOR
    assert len(lines) == min(count, MOST_LINES) > 20
    assert f"{count} points in common" in selection.sentence()
    # Both ends lie in the planes of the drawn pictures.
    for photo, ends in ((0, lines[:, 0]), (1, lines[:, 1])):
        corners = shown.links.corners[photo]
        assert (ends - corners[0]) @ shown.links.forward[photo] == pytest.approx(np.zeros(len(ends)), abs=1e-9)
        across = corners[1] - corners[0]
        assert (((ends - corners[0]) @ across / (across @ across)) < 1).all()


def test_the_same_photo_twice_is_one(selection):
    selection.pick_photo(0)
    selection.pick_photo(0)

    assert selection.photos == (0,)
    assert len(selection.lines()[0][0]) <= MOST_LINES
