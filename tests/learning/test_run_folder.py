"""The folder of a training: nothing foreign is touched, one process holds it, and settings do not change midway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recon.core.errors import Cause, UsageError
from recon.learning.run_folder import open_run_folder
from recon.learning.run_record import RECORD, State, read_record

ASKED = {"settings": {"steps": 10, "batch": 4}, "photos": [{"digest": "ab"}]}


def begin(path: Path, asked: object = ASKED, kind: str = "new", **rest: bool) -> dict[str, object]:
    """Open the folder, and return what it told."""
    with open_run_folder(path, kind, asked, "1.0", **rest) as folder:  # type: ignore[arg-type]
        return folder.told


def test_a_new_folder_says_what_was_asked(tmp_path: Path) -> None:
    begin(tmp_path / "deep" / "run")
    told = json.loads((tmp_path / "deep" / "run" / RECORD).read_text())

    assert (told["kind"], told["asked"], told["state"]) == ("new", ASKED, State.RUNNING)


def test_the_same_again_goes_on(tmp_path: Path) -> None:
    with open_run_folder(tmp_path, "new", ASKED, "1.0") as folder:
        folder.record(state=State.INTERRUPTED, seconds=3.0)

    assert begin(tmp_path)["seconds"] == 3.0


def test_other_settings_are_refused_by_name_unless_fresh(tmp_path: Path) -> None:
    begin(tmp_path)
    (tmp_path / "checkpoint.pt").touch()
    other = {**ASKED, "settings": {"steps": 10, "batch": 8}}

    with pytest.raises(UsageError, match=r"settings\.batch was 4, not 8") as caught:
        begin(tmp_path, other)
    assert caught.value.code is Cause.SETTINGS_CHANGED
    assert "--fresh" in (caught.value.try_ or "")

    assert begin(tmp_path, other, fresh=True)["asked"] == other
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_training_of_another_kind_is_refused(tmp_path: Path) -> None:
    begin(tmp_path)

    with pytest.raises(UsageError, match="`recon train new`, not `tune`"):
        begin(tmp_path, kind="tune")


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(UsageError, match="not empty") as caught:
        begin(tmp_path, fresh=fresh)
    assert caught.value.code is Cause.NOT_A_WORKSPACE
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_fresh_deletes_what_trainings_write_and_nothing_else(tmp_path: Path) -> None:
    begin(tmp_path)
    for name in ("checkpoint.pt", "weights.safetensors", "notes.txt"):
        (tmp_path / name).touch()
    begin(tmp_path, fresh=True)

    assert (tmp_path / "notes.txt").exists()
    assert not (tmp_path / "weights.safetensors").exists()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with open_run_folder(tmp_path, "new", ASKED, "1.0"), pytest.raises(UsageError, match="in use by process") as caught:
        begin(tmp_path)

    assert caught.value.code is Cause.WORKSPACE_LOCKED


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="is a file") as caught:
        begin(tmp_path / "file")
    assert caught.value.code is Cause.NOT_WRITABLE


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "asked": 3}'])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)

    with pytest.raises(UsageError, match="damaged") as caught:
        begin(tmp_path)
    assert caught.value.code is Cause.CORRUPT_FILE


def test_the_record_of_a_newer_recon_is_refused(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text('{"format": 99, "recon": "7.0", "asked": {}}')

    with pytest.raises(UsageError, match=r"newer recon \(7\.0\)"):
        begin(tmp_path)


def test_a_folder_without_a_record_is_no_training(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of a training"):
        read_record(tmp_path)
