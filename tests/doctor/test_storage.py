"""Places to write to."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from recon.doctor import storage
from recon.doctor.diagnosis import State


def states():
    return {each.topic: each.state for each in storage.examine_storage()}


def test_folders_that_can_be_written_to_are_fine(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "cache_dir", lambda: tmp_path / "not" / "yet" / "there")
    monkeypatch.chdir(tmp_path)

    assert set(states().values()) == {State.OK}
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_is_noted(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(storage, "cache_dir", lambda: tmp_path / "file" / "weights")
    (cache, *_) = storage.examine_storage()

    assert cache.state is State.NOTE
    assert "not a directory" in cache.text
    assert "XDG_CACHE_HOME" in cache.mend


def test_no_temporary_folder_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.tempfile, "gettempdir", lambda: str(tmp_path / "file" / "tmp"))
    (tmp_path / "file").write_text("")

    assert states()["temporary files"] is State.PROBLEM


@pytest.mark.parametrize(("free_gb", "state"), [(50, State.OK), (1, State.NOTE), (0.01, State.PROBLEM)])
def test_room_on_the_disk_is_looked_at(monkeypatch, free_gb, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free_gb * 1e9))

    assert states()["this folder"] is state


def test_without_platformdirs_the_rest_is_told(monkeypatch):
    def fail():
        raise ImportError("No module named 'platformdirs'")

    monkeypatch.setattr(storage, "cache_dir", fail)

    assert states()["cache"] is State.NOTE
