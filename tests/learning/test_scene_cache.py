"""Rendering costs a second a photo: what is there is not made again, and what is damaged is."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from recon.core.errors import Cause, Interrupted, ReconError, UsageError
from recon.learning import scene_cache, scene_studio, scene_views
from recon.learning.scene_cache import RenderOptions, prepare_scenes
from recon.learning.scene_plan import PlannedView, ScenePlan
from recon.learning.scene_studio import Teacher
from recon.learning.scene_views import load_view
from recon.scenes.camera import looking_at
from recon.scenes.meshes import grid
from recon.scenes.sensor import Sensor
from recon.scenes.textures import Palette, Texture
from recon.scenes.world import Light, World

OPTIONS = RenderOptions(views=2, size=96, samples=1)


def meadow(seed, number, views, size, threads=1):
    """Return a plan of level ground, made in no time."""
    rng = np.random.default_rng((seed, number))
    x, y = np.meshgrid(np.linspace(-6.0, 6.0, 5), np.linspace(-6.0, 6.0, 5))
    ground = grid(np.stack([x, y, 0.0 * x], 2), np.stack([x, y], 2), 0)
    sheet = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    palette = Palette([Texture.of(sheet, 3.0)], Texture.of(np.full((16, 16), 128, np.uint8), 1.0))
    world = World(ground, palette, Light.afternoon(30.0, 60.0))
    places = rng.uniform((-0.5, -0.5, 2.5), (0.5, 0.5, 3.0), (views, 3))
    cameras = [looking_at(at, np.array([0, 0.3, 0]), size=(size, size * 3 // 4), focal_px=size) for at in places]
    return ScenePlan(world, world, tuple(PlannedView(camera, Sensor(seed=1), False) for camera in cameras))


@pytest.fixture(autouse=True)
def _only_meadows(monkeypatch):
    monkeypatch.setattr(scene_cache, "plan_scene", meadow)


@pytest.fixture
def prepare(tmp_path, corners):
    """Return a function that prepares one tiny scene in one folder."""

    def run(key="a", options=OPTIONS, **more):
        return prepare_scenes(tmp_path / "scenes", 1, Teacher(corners, key), options, **more)

    return run


def test_a_second_call_renders_nothing(prepare, corners, monkeypatch):
    first = prepare()
    monkeypatch.setattr(scene_studio, "Stage", None)

    again = prepare()

    assert corners.calls == 2
    assert first[0].paths == again[0].paths
    np.testing.assert_array_equal(first[0].num_seen, again[0].num_seen)
    assert first[0].num_seen[0, 1] == len(load_view(first[0].paths[0]).seen_in[1].rows)


def test_more_scenes_leave_those_that_are_there(tmp_path, corners):
    teacher = Teacher(corners, "a")
    first = prepare_scenes(tmp_path, 1, teacher, OPTIONS)
    more = prepare_scenes(tmp_path, 2, teacher, OPTIONS)

    assert corners.calls == 4
    assert more[0].paths == first[0].paths


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"PK")])
def test_a_missing_or_damaged_file_is_made_again_the_same(prepare, corners, damage):
    path = prepare()[0].paths[1]
    before = load_view(path)
    damage(path)

    prepare()

    after = load_view(path)
    assert corners.calls == 3
    np.testing.assert_array_equal(before.photo.grey, after.photo.grey)
    np.testing.assert_array_equal(before.seen_in[0].positions, after.seen_in[0].positions)


def test_another_teacher_or_seed_has_files_of_its_own(prepare):
    """Else a run would learn from what another teacher saw."""
    paths = {prepare()[0].paths[0], prepare(key="b")[0].paths[0]}
    paths.add(prepare(options=RenderOptions(views=2, size=96, samples=1, seed=1))[0].paths[0])

    assert len(paths) == 3


def test_an_interrupted_call_goes_on_where_it_stopped(prepare, corners):
    asked = []

    def second_time():
        asked.append(True)
        return len(asked) > 1

    with pytest.raises(Interrupted):
        prepare(should_stop=second_time)
    told = []
    prepare(progress=lambda done, total: told.append((done, total)))

    assert corners.calls == 2
    assert told == [(1, 2), (2, 2)]


def test_a_full_disk_is_one_clear_error_and_leaves_no_half_file(prepare, tmp_path, monkeypatch):
    def full(stream, **arrays):
        stream.write(b"PK")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scene_views.np, "savez", full)

    with pytest.raises(ReconError) as caught:
        prepare()

    assert caught.value.code is Cause.DISK_FULL
    assert list((tmp_path / "scenes").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(prepare, tmp_path):
    (tmp_path / "scenes").write_text("")

    with pytest.raises(UsageError) as caught:
        prepare()

    assert caught.value.code is Cause.NOT_WRITABLE


@pytest.mark.parametrize("bad", [{"views": 1}, {"views": 99}, {"size": 10}, {"samples": 0}, {"seed": -1}])
def test_options_out_of_range_are_refused_by_name(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        RenderOptions(**bad)
