"""A killed or stopped run goes on from the model it had; a damaged checkpoint costs time and nothing else."""

from __future__ import annotations

import shutil
from itertools import count

import pytest

from recon.core.components import MappingOptions
from recon.core.events import ImageRegistered
from recon.engine import checkpoint as checkpoint_module
from recon.engine.checkpoint import Checkpoint
from recon.engine.growth import GrownModel, Growth
from recon.engine.ladder import LADDER
from recon.engine.mapper import IncrementalMapper

NUM_IMAGES = 7
STEP = LADDER[1]


class Killed(BaseException):
    """Passes every `except Exception`, like SIGKILL."""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(checkpoint_module, "INTERVAL_SECONDS", 0.0)


@pytest.fixture
def run(synthesize, tmp_path):
    """Return a function that maps one scene with two threads, and the registered counts it announced."""
    path, _ = synthesize(images=NUM_IMAGES, points=150)

    def map_scene(killed_after=None, **options):
        counts = []

        def watch(event):
            if isinstance(event, ImageRegistered):
                counts.append(event.registered)
            if len(counts) == killed_after:
                raise Killed

        told = MappingOptions(**{"threads": 2, "checkpoint_dir": tmp_path / "checkpoint", **options})
        models = IncrementalMapper().map(path, told, watch)
        return models, counts

    return map_scene


@pytest.fixture
def killed(run, tmp_path):
    """Return the folder that a run left that was killed when it announced its fifth image."""
    with pytest.raises(Killed):
        run(killed_after=5)
    return tmp_path / "checkpoint" / "skeleton" / "growing"


@pytest.fixture
def model(synthesize):
    return synthesize(images=4)[1]


def test_a_killed_run_resumes_to_the_same_model(run, killed, pose_errors_deg):
    """Poses within 0.05 deg of those of a run that was not killed."""
    (whole,), _ = run(checkpoint_dir=None)
    (resumed,), counts = run()

    assert counts == [5, 6, 7]
    assert set(resumed.reg_image_ids()) == set(whole.reg_image_ids())
    assert pose_errors_deg(resumed, whole).max() < 0.05
    assert resumed.compute_num_observations() == whole.compute_num_observations()


def test_a_finished_run_leaves_nothing(run, tmp_path):
    run()

    assert list((tmp_path / "checkpoint").iterdir()) == []


def test_a_resumed_run_leaves_nothing_either(run, killed):
    run()

    assert list(killed.parent.parent.iterdir()) == []


def test_a_stopped_run_keeps_its_model(run, monkeypatch):
    """Ctrl-C and the same command again: it goes on, however short the run was."""
    asked = count()
    monkeypatch.setattr(checkpoint_module, "INTERVAL_SECONDS", 1e6)
    (partial,), _ = run(should_stop=lambda: next(asked) >= 4)
    registered = partial.num_reg_images()
    _, counts = run()

    assert 2 < registered < NUM_IMAGES
    assert counts[0] == registered + 1
    assert counts[-1] == NUM_IMAGES


@pytest.mark.parametrize("threads", [1, 2])
def test_with_one_thread_nothing_is_kept(run, tmp_path, threads):
    """That run promises the same bytes, which a resumed one cannot give."""
    with pytest.raises(Killed):
        run(killed_after=5, threads=threads)

    assert (tmp_path / "checkpoint").exists() == (threads > 1)


def test_with_one_thread_nothing_is_resumed(run, killed):
    _, counts = run(threads=1)

    assert counts[0] == 1


def damage_nothing_but(file, change):
    def damage(folder):
        change(folder / file)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        damage_nothing_but("images.bin", lambda file: file.write_bytes(file.read_bytes()[:100])),
        damage_nothing_but("points3D.bin", lambda file: file.write_bytes(b"")),
        damage_nothing_but("cameras.bin", lambda file: file.unlink()),
        damage_nothing_but("cameras.bin", lambda file: file.write_bytes(bytes(8))),
        damage_nothing_but("frames.bin", lambda file: file.write_bytes(file.read_bytes() + b"more")),
        damage_nothing_but("step", lambda file: file.unlink()),
        damage_nothing_but("step", lambda file: file.write_text("no such step")),
        damage_nothing_but("step", lambda file: file.write_bytes(b"\xff\xfe")),
        shutil.rmtree,
    ],
    ids=["cut", "empty", "missing", "no camera", "longer", "no step", "other step", "no text", "gone"],
)
def test_a_damaged_checkpoint_is_passed_over(run, killed, damage):
    damage(killed)

    (model,), counts = run()

    assert counts == list(range(1, NUM_IMAGES + 1))
    assert model.num_reg_images() == NUM_IMAGES


def test_a_checkpoint_remembers_model_and_step(tmp_path, model):
    Checkpoint(tmp_path).keep(model, STEP)

    resumed = Checkpoint(tmp_path).resume()
    kept = resumed.model

    assert resumed.step is STEP
    assert {i: kept.image(i).cam_from_world().matrix().tolist() for i in kept.reg_image_ids()} == {
        i: model.image(i).cam_from_world().matrix().tolist() for i in model.reg_image_ids()
    }


def test_nothing_kept_is_nothing_to_resume(tmp_path):
    assert Checkpoint(tmp_path / "growing").resume() is None
    assert Checkpoint(None).resume() is None


def test_a_model_is_kept_once_an_interval(tmp_path, model, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "INTERVAL_SECONDS", 1e6)
    checkpoint = Checkpoint(tmp_path)
    checkpoint.keep(model, STEP)
    assert not (tmp_path / "growing").exists()

    checkpoint.keep(model, STEP, at_once=True)

    assert (tmp_path / "growing").exists()


@pytest.mark.parametrize("error", [OSError("no room"), RuntimeError("no room"), ValueError("no room"), None])
def test_what_cannot_be_written_leaves_the_older_one(tmp_path, model, error):
    """A full disk ends no run here: the models themselves will say so. pycolmap may also write half in silence."""

    class Unwritable:
        def write_binary(self, folder):
            (folder / "images.bin").write_bytes(b"half")
            if error:
                raise error

    checkpoint = Checkpoint(tmp_path)
    checkpoint.keep(model, STEP)
    checkpoint.keep(Unwritable(), LADDER[2])

    kept = checkpoint.resume()
    assert kept.model.num_reg_images() == model.num_reg_images()
    assert kept.step is STEP
    assert [file.name for file in tmp_path.iterdir() if file.is_dir()] == ["growing"]


def test_a_folder_that_cannot_be_made_is_passed_over(tmp_path, model):
    (tmp_path / "file").write_text("no folder")
    checkpoint = Checkpoint(tmp_path / "file" / "growing")

    checkpoint.keep(model, STEP)

    assert checkpoint.resume() is None


def test_a_closed_checkpoint_keeps_no_more(tmp_path, model):
    checkpoint = Checkpoint(tmp_path / "kept")
    checkpoint.keep(model, STEP)
    checkpoint.close()
    checkpoint.keep(model, STEP)

    assert list(tmp_path.glob("kept*")) == []


@pytest.fixture
def two_scenes(synthesize):
    """Return a database of two scenes, of seven images and of six."""
    path, _ = synthesize(images=7, points=300)
    synthesize(images=6, points=300, seed=1, into=path)
    return path


def map_until(path, folder, killed_at=lambda event: False):
    """Return the models, and the names of the images in the order in which they were announced."""
    names = []

    def watch(event):
        if isinstance(event, ImageRegistered):
            names.append(event.name)
        if killed_at(event):
            raise Killed

    models = IncrementalMapper().map(path, MappingOptions(threads=2, checkpoint_dir=folder), watch)
    return models, names


def test_a_finished_model_is_not_grown_again_when_a_later_one_was_interrupted(two_scenes, tmp_path):
    names = []

    def in_the_second(event):
        names.append(event)
        return isinstance(event, ImageRegistered) and len(names) == 7 + 4

    with pytest.raises(Killed):
        map_until(two_scenes, tmp_path / "kept", in_the_second)
    models, announced = map_until(two_scenes, tmp_path / "kept")

    assert [model.num_reg_images() for model in models] == [7, 6]
    assert len(announced) <= 3


def test_a_kill_while_the_last_model_is_completed_grows_and_completes_nothing_again(two_scenes, tmp_path, monkeypatch):
    completed = []

    def complete(growth, poses, *how):
        completed.append(poses.num_reg_images())
        if len(completed) == 2:
            raise Killed
        return original(growth, poses, *how)

    original = Growth.complete
    monkeypatch.setattr(Growth, "complete", complete)
    with pytest.raises(Killed):
        map_until(two_scenes, tmp_path / "kept")
    models, announced = map_until(two_scenes, tmp_path / "kept")

    assert [model.num_reg_images() for model in models] == [7, 6]
    assert completed == [7, 6, 6]
    assert announced == []


def test_attempts_that_were_finished_are_not_made_again(synthesize, tmp_path):
    """Weakly linked: several models are compared. What an interrupted run has compared stays compared."""
    path, _ = synthesize(images=8, points=80)
    whole = map_until(path, tmp_path / "whole")[1]
    counts = []

    def in_the_third(event):
        counts.append(event.registered if isinstance(event, ImageRegistered) else 0)
        return counts.count(1) == 3 and counts[-1] == 5

    with pytest.raises(Killed):
        map_until(path, tmp_path / "kept", in_the_third)
    (model,), announced = map_until(path, tmp_path / "kept")

    assert len(whole) == 8 * 5
    assert len(announced) == 8 * 2 + 4  # the fourth image of the third was kept last
    assert model.num_reg_images() == 8


def test_models_that_were_not_long_in_the_making_are_not_written(two_scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "INTERVAL_SECONDS", 1e6)
    seen = []

    map_until(two_scenes, tmp_path / "kept", lambda event: seen.append(sorted((tmp_path / "kept").rglob("*"))) or False)

    assert not any(seen)


def test_what_replaces_a_kept_model_is_kept_however_soon(tmp_path, model, monkeypatch):
    """Else a kill right after it would cost more than was lost before."""
    checkpoint = Checkpoint(tmp_path)
    checkpoint.keep(model, STEP)
    monkeypatch.setattr(checkpoint_module, "INTERVAL_SECONDS", 1e6)

    checkpoint.finish("grown", GrownModel(model, STEP))

    assert checkpoint.resume() is None
    assert [kept.step for kept in checkpoint.finished("grown")] == [STEP]


def test_a_resumed_run_begins_at_the_step_it_was_on(tmp_path, model):
    checkpoint = Checkpoint(tmp_path)
    assert checkpoint.steps_left() == LADDER

    checkpoint.keep(model, LADDER[2])

    assert checkpoint.steps_left() == LADDER[2:]
