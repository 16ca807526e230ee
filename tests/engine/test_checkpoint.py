"""A killed or stopped run goes on from the model it had; a damaged checkpoint costs time and nothing else."""

from __future__ import annotations

import shutil
from itertools import count

import pytest

from recon.core.components import MappingOptions
from recon.core.events import ImageRegistered
from recon.engine import checkpoint as checkpoint_module
from recon.engine.checkpoint import Checkpoint
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
    return tmp_path / "checkpoint" / "growing"


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

    assert list(killed.parent.iterdir()) == []


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
    Checkpoint(tmp_path / "growing").keep(model, STEP)

    kept, step = Checkpoint(tmp_path / "growing").resume()

    assert step is STEP
    assert {i: kept.image(i).cam_from_world().matrix().tolist() for i in kept.reg_image_ids()} == {
        i: model.image(i).cam_from_world().matrix().tolist() for i in model.reg_image_ids()
    }


def test_nothing_kept_is_nothing_to_resume(tmp_path):
    assert Checkpoint(tmp_path / "growing").resume() is None
    assert Checkpoint(None).resume() is None


def test_a_model_is_kept_once_an_interval(tmp_path, model, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "INTERVAL_SECONDS", 1e6)
    checkpoint = Checkpoint(tmp_path / "growing")
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

    checkpoint = Checkpoint(tmp_path / "growing")
    checkpoint.keep(model, STEP)
    checkpoint.keep(Unwritable(), LADDER[2])

    kept, step = checkpoint.resume()
    assert kept.num_reg_images() == model.num_reg_images()
    assert step is STEP
    assert [file.name for file in tmp_path.iterdir() if file.is_dir()] == ["growing"]


def test_a_folder_that_cannot_be_made_is_passed_over(tmp_path, model):
    (tmp_path / "file").write_text("no folder")
    checkpoint = Checkpoint(tmp_path / "file" / "growing")

    checkpoint.keep(model, STEP)

    assert checkpoint.resume() is None


def test_a_closed_checkpoint_keeps_no_more(tmp_path, model):
    checkpoint = Checkpoint(tmp_path / "growing")
    checkpoint.keep(model, STEP)
    checkpoint.close()
    checkpoint.keep(model, STEP)

    assert list(tmp_path.glob("growing*")) == []


def test_later_models_do_not_replace_the_first_on_disk(synthesize, tmp_path):
    """The first is the one that costs: it is dropped when it is finished, and a second is not kept instead."""
    path, _ = synthesize(images=6)
    synthesize(images=6, seed=1, into=path)
    counts = []

    def watch(event):
        counts.append(event)
        if len(counts) == 11:  # in the second model
            raise Killed

    with pytest.raises(Killed):
        IncrementalMapper().map(path, MappingOptions(threads=2, checkpoint_dir=tmp_path / "kept"), watch)

    assert list((tmp_path / "kept").iterdir()) == []
