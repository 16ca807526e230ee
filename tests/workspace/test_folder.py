"""A workspace is held by one process, keeps out of other people's files, and knows what is still valid."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from recon.core.errors import Cause, UsageError
from recon.workspace import StageRecord, State, open_workspace

RECORD = StageRecord("key", {}, "2026-01-01T00:00:00+00:00")


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(UsageError) as caught, open_workspace(tmp_path, "1"):
        pass

    assert caught.value.code is Cause.NOT_A_WORKSPACE
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(UsageError), open_workspace(tmp_path / "out", "1"):
        pass
    with pytest.raises(UsageError), open_workspace(tmp_path / "out" / "below", "1"):
        pass


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with open_workspace(tmp_path, "1"):
        with pytest.raises(UsageError, match=str(os.getpid())) as caught, open_workspace(tmp_path, "1"):
            pass
        assert caught.value.code is Cause.WORKSPACE_LOCKED

    with open_workspace(tmp_path, "1"):
        pass


def test_the_folder_of_a_killed_process_can_be_held_again(tmp_path: Path) -> None:
    """The operating system gives back a dead process's lock; its half-written files go."""
    with open_workspace(tmp_path, "1"):
        pass
    (tmp_path / "recon.json.123-456.part").write_text("half")
    (tmp_path / ".cache" / "features").mkdir()
    (tmp_path / ".cache" / "features" / "a.npz.123-456.part").write_text("half")

    with open_workspace(tmp_path, "1") as workspace:
        assert workspace.previous.state is State.RUNNING
        assert not list(tmp_path.rglob("*.part"))


def test_what_is_left_of_a_process_killed_in_its_first_instant_is_no_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "recon.json.123-456.part").write_text("{")

    with open_workspace(tmp_path, "1") as workspace:
        assert workspace.manifest.pid == os.getpid()


def test_fresh_deletes_what_recon_wrote_and_nothing_else(tmp_path: Path) -> None:
    with open_workspace(tmp_path, "1") as workspace:
        workspace.record_stage("map", RECORD)
        (workspace.sparse / "0").mkdir(parents=True)
        (workspace.cache / "features").mkdir()
        workspace.points.write_text("ply")
    (tmp_path / "notes.txt").write_text("mine")

    with open_workspace(tmp_path, "1", fresh=True) as workspace:
        assert workspace.manifest.stages == {}
        assert not workspace.sparse.exists()
        assert not workspace.points.exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_fresh_deletes_nothing_that_an_edited_manifest_adds(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "out", "1"):
        pass
    (tmp_path / "precious").write_text("mine")
    manifest = json.loads((tmp_path / "out" / "recon.json").read_text())
    manifest["files"] += ["../precious", "/", ".."]
    (tmp_path / "out" / "recon.json").write_text(json.dumps(manifest))

    with open_workspace(tmp_path / "out", "1", fresh=True):
        pass

    assert (tmp_path / "precious").read_text() == "mine"


def test_a_stage_is_done_while_its_key_and_its_files_are_the_same(tmp_path: Path) -> None:
    with open_workspace(tmp_path, "1") as workspace:
        workspace.points.write_text("points")
        record = StageRecord("key", {}, "", workspace.digests(workspace.points))
        workspace.record_stage("map", record)
        assert workspace.finished_stage("map", "key") == record
        assert workspace.finished_stage("map", "other key") is None
        assert workspace.finished_stage("match", "key") is None

    with open_workspace(tmp_path, "1") as workspace:
        assert workspace.finished_stage("map", "key") == record

    (tmp_path / "points.ply").write_text("edited")
    with open_workspace(tmp_path, "1") as workspace:
        assert workspace.finished_stage("map", "key") is None


def test_digests_name_every_file_below_a_folder(tmp_path: Path) -> None:
    with open_workspace(tmp_path, "1") as workspace:
        (workspace.sparse / "0").mkdir(parents=True)
        (workspace.sparse / "0" / "images.bin").write_text("a")
        workspace.points.write_text("b")
        assert list(workspace.digests(workspace.sparse, workspace.points)) == ["sparse/0/images.bin", "points.ply"]
