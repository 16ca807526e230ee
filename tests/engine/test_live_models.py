"""A run shows its growing model to those who ask, and a watcher takes only what is whole."""

from __future__ import annotations

import json
import os
import time

import pytest

from recon.core.components import MappingOptions
from recon.core.frame import ModelFrame, Units
from recon.engine import live_models
from recon.engine.checkpoint import Checkpoint
from recon.engine.ladder import LADDER
from recon.engine.live_models import Showing, Watching
from recon.engine.models import write_models


@pytest.fixture
def workspace(tmp_path):
    """A workspace on which a run is at work."""
    (tmp_path / ".cache").mkdir()
    (tmp_path / "recon.json").write_text(json.dumps({"state": "running"}))
    return tmp_path


@pytest.fixture
def showing(workspace, monkeypatch):
    monkeypatch.setattr(live_models, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(live_models, "MOST_SHARE", 1e9)
    return Showing.of(MappingOptions(checkpoint_dir=workspace / ".cache" / "mapping" / "abc"))


def images_of(found):
    return None if found is None else found[0].num_reg_images()


def test_nobody_watches_so_nothing_is_written(workspace, showing, synthetic_model):
    showing.show(synthetic_model())

    assert list((workspace / ".cache").iterdir()) == []


def test_a_model_is_seen_as_it_grows(workspace, showing, synthetic_model):
    watching = Watching(workspace)
    assert watching.newer() is None
    showing.show(synthetic_model(images=3))
    assert images_of(watching.newer()) == 3
    assert watching.newer() is None  # not again
    showing.show(synthetic_model(images=5))
    assert images_of(watching.newer()) == 5


def test_who_left_is_shown_nothing_more(workspace, showing, synthetic_model):
    Watching(workspace).newer()
    stale = time.time() - 1000
    os.utime(workspace / ".cache" / "mapping" / "watched", (stale, stale))
    showing.show(synthetic_model())

    assert not (workspace / ".cache" / "mapping" / "shown").exists()


def test_showing_is_rare_beside_the_work(workspace, synthetic_model, monkeypatch):
    """Written once; the second is due only after the interval, an hour here."""
    monkeypatch.setattr(live_models, "INTERVAL_SECONDS", 3600.0)
    showing = Showing(workspace / ".cache" / "mapping")
    watching = Watching(workspace)
    watching.newer()
    showing.show(synthetic_model(images=3))
    showing.show(synthetic_model(images=5))

    assert images_of(watching.newer()) == 3


def test_the_final_model_comes_last_with_its_frame(workspace, showing, synthetic_model):
    watching = Watching(workspace)
    watching.newer()
    showing.show(synthetic_model(images=3))
    watching.newer()
    write_models([synthetic_model(images=4)], workspace, [ModelFrame(Units.METRES)])

    model, frame = watching.newer()
    assert model.num_reg_images() == 4
    assert frame.units is Units.METRES


def test_a_half_written_model_is_passed_over_for_one_that_is_whole(workspace, showing, synthetic_model):
    write_models([synthetic_model(images=4)], workspace)
    watching = Watching(workspace)
    (workspace / ".cache" / "mapping").mkdir()
    growing = workspace / ".cache" / "mapping" / "abc" / "skeleton" / "growing"
    growing.mkdir(parents=True)
    synthetic_model(images=5).write_binary(growing)
    points = growing / "points3D.bin"
    points.write_bytes(points.read_bytes()[:-9])

    assert images_of(watching.newer()) == 4
    synthetic_model(images=5).write_binary(growing)
    assert images_of(watching.newer()) == 5


def test_without_a_run_nothing_is_written_into_the_workspace(workspace, synthetic_model):
    (workspace / "recon.json").write_text(json.dumps({"state": "finished"}))
    watching = Watching(workspace)

    assert not watching.is_running
    assert watching.newer() is None
    watching.close()
    assert list((workspace / ".cache").iterdir()) == []


def test_a_watcher_leaves_no_trace(workspace):
    watching = Watching(workspace)
    watching.newer()
    assert (workspace / ".cache" / "mapping" / "watched").exists()
    watching.close()

    assert list((workspace / ".cache").iterdir()) == []


def test_a_run_with_one_thread_is_shown_though_it_keeps_no_checkpoints(workspace, showing, synthetic_model):
    options = MappingOptions(threads=1, checkpoint_dir=workspace / ".cache" / "mapping" / "abc")
    checkpoint = Checkpoint.of(options, "skeleton", LADDER)
    watching = Watching(workspace)
    watching.newer()
    checkpoint.keep(synthetic_model(images=4), LADDER[0])

    assert images_of(watching.newer()) == 4
    assert not (workspace / ".cache" / "mapping" / "abc").exists()


def test_what_cannot_be_written_is_not_shown(workspace, showing, synthetic_model):
    Watching(workspace).newer()
    (workspace / ".cache" / "mapping" / "shown.new").write_text("a file in the way")
    showing.show(synthetic_model())

    assert Watching(workspace).newer() is None
