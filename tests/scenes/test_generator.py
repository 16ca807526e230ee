"""A scene is decided by its options, and grows with the number of photos."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recon.core.errors import UsageError
from recon.scenes.generator import Layout, SceneOptions, make_scene
from recon.scenes.truth import truth_of


@pytest.fixture(scope="module", params=list(Layout), ids=str)
def small_scene(request):
    return make_scene(SceneOptions(seed=2, photos=24, size=64, layout=request.param))


def test_every_layout_gives_the_photos_asked_for(small_scene):
    assert [shot.name for shot in small_scene.shots] == [f"{n:04d}.jpg" for n in range(24)]


def test_every_camera_stands_free_and_sees_something(small_scene):
    """Nothing closer than 30 cm, and hardly more than half of it sky."""
    from recon.scenes.render import Stage

    stage = Stage(small_scene.world)
    for shot in small_scene.shots[::2]:
        depth = stage.depth(shot.camera)
        assert depth.min() > 0.3
        assert np.isfinite(depth).mean() > 0.55


def test_neighbours_see_the_same_things(small_scene):
    """Each photo must share most of its points with another one, else there is nothing to match."""
    from recon.scenes.render import Stage

    stage = Stage(small_scene.world)
    shots = small_scene.shots
    for shot in shots[::3]:
        points = shot.camera.points(stage.depth(shot.camera))
        points = points[np.isfinite(points).all(axis=2)][::7]
        best = 0.0
        for other in shots:
            if other is shot:
                continue
            pixels, depth = other.camera.project(points)
            inside = (depth > 0) & (pixels > 0).all(axis=1) & (pixels < [63, 47]).all(axis=1)
            near = np.abs(stage.depth_at(other.camera, pixels[inside]) - depth[inside]) < 0.1
            best = max(best, near.sum() / len(points))
        assert best > 0.35, shot.name


def test_truth_is_what_the_cameras_are(small_scene):
    truth = json.loads(json.dumps(truth_of(small_scene.shots)))["images"]

    assert list(truth) == [shot.name for shot in small_scene.shots]
    for shot in small_scene.shots:
        entry = truth[shot.name]
        assert np.array_equal(entry["R"], shot.camera.rotation)
        assert np.array_equal(entry["t"], shot.camera.translation)
        assert np.array_equal(entry["K"], shot.camera.matrix)
        assert (entry["width"], entry["height"]) == (64, 48)
        assert len(entry["dist"]) == 4


def test_a_walk_grows_with_the_photos():
    few, many = (make_scene(SceneOptions(photos=n, size=64, layout=Layout.WALK)) for n in (10, 30))

    assert np.ptp(many.world.mesh.vertices[:, 0]) > np.ptp(few.world.mesh.vertices[:, 0]) + 5.0


def test_another_seed_is_another_scene():
    one, other = (make_scene(SceneOptions(seed=seed, photos=2, size=64)) for seed in (0, 1))

    assert not np.array_equal(one.shots[0].camera.translation, other.shots[0].camera.translation)


@pytest.mark.parametrize("change", [{"photos": 0}, {"size": 10}, {"samples": 99}, {"quality": 0}, {"seed": -1}])
def test_values_out_of_range_are_refused(change):
    with pytest.raises(UsageError, match=next(iter(change))):
        SceneOptions(**change)
