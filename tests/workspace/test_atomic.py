"""Files are there whole or not at all, and the disk's refusals are words."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from recon.core.errors import Cause, ReconError, UsageError
from recon.workspace.atomic import file_digest, replacing, storage_errors, write_text


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    with pytest.raises(FileNotFoundError), replacing(path) as temporary:
        (temporary.write_text("half"), (tmp_path / "missing").read_text())

    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_a_write_that_succeeds_replaces_the_file(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "é")
    write_text(tmp_path / "file", "中")

    assert (tmp_path / "file").read_text("utf-8") == "中"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        (errno.ENOSPC, Cause.DISK_FULL, ReconError),
        (errno.EROFS, Cause.NOT_WRITABLE, UsageError),
        (errno.EACCES, Cause.NOT_WRITABLE, UsageError),
    ],
)
def test_the_disk_is_named_with_what_to_do(number: int, code: Cause, kind: type[ReconError], tmp_path: Path) -> None:
    with pytest.raises(kind) as caught, storage_errors(tmp_path):
        raise OSError(number, "refused", str(tmp_path / "file"))

    assert caught.value.code is code
    assert str(tmp_path) in caught.value.message
    assert caught.value.try_


def test_a_database_that_cannot_grow_means_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(ReconError) as caught, storage_errors(tmp_path):
        raise sqlite3.OperationalError("database or disk is full")

    assert caught.value.code is Cause.DISK_FULL


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    """They are bugs, and keep their traceback."""
    with pytest.raises(FileNotFoundError), storage_errors(tmp_path):
        (tmp_path / "missing").read_text()


def test_a_database_that_was_only_opened_keeps_its_digest(tmp_path: Path) -> None:
    """COLMAP's tools count up SQLite's counter of changes when they read: the run behind it is still done."""
    path = tmp_path / "file.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE words (word TEXT)")
    before = file_digest(path)
    content = bytearray(path.read_bytes())
    content[27] += 1
    content[95] += 1
    path.write_bytes(content)
    assert file_digest(path) == before

    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO words VALUES ('new')")
    assert file_digest(path) != before
