"""A film of one turn: the model stays in view, comes round, and the file plays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recon.core.errors import Cause, UsageError
from recon.output.geometry import camera_poses
from recon.output.scene import Scene
from recon.output.turntable import draw_turntable, turn
from recon.output.viewpoint import up_direction

SIZE = (96, 64)


def frames_of(path):
    film = cv2.VideoCapture(str(path))
    frames = []
    while (got := film.read())[0]:
        frames.append(got[1])
    return frames


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".gif"])
def test_a_film_plays_and_its_pictures_differ(tmp_path, synthetic_model, suffix):
    path = tmp_path / f"model{suffix}"
    count = draw_turntable(synthetic_model(), path, SIZE, {}, seconds=0.4)
    frames = frames_of(path)

    assert len(frames) == count == 10
    assert frames[0].shape == (64, 96, 3)
    assert np.abs(frames[0].astype(int) - frames[5]).max() > 50
    assert frames[0].std() > 5  # not a blank picture
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_the_turn_keeps_the_scene_in_view_and_its_distance(synthetic_model):
    model = synthetic_model()
    scene = Scene.of(model, SIZE, {})
    up = up_direction(camera_poses(model), {})
    viewpoints = list(turn(scene, up, 12))

    positions = np.array([viewpoint.position for viewpoint in viewpoints])
    middle = positions.mean(axis=0)
    np.testing.assert_allclose((positions - middle) @ up, 0, atol=1e-9 * scene.viewpoint.distance)
    for viewpoint in viewpoints:
        in_picture, depths = viewpoint.project(scene.positions)
        seen = (depths > 0) & (in_picture > 0).all(axis=1) & (in_picture < 1).all(axis=1)
        assert seen.mean() > 0.9
    np.testing.assert_allclose(viewpoints[0].cam_from_world, scene.viewpoint.cam_from_world, atol=1e-12)


def test_a_name_of_no_film_format_is_refused(tmp_path, synthetic_model):
    with pytest.raises(UsageError) as caught:
        draw_turntable(synthetic_model(), tmp_path / "model.txt", SIZE, {}, seconds=0.4)

    assert caught.value.code is Cause.BAD_VALUE
    assert not list(tmp_path.iterdir())
