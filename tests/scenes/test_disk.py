"""Files are whole or absent, and a disk's errors come in words."""

from __future__ import annotations

import errno

import pytest

from recon.core.errors import Cause, ReconError, UsageError
from recon.scenes.disk import disk_errors, read_json, write_json, write_whole


def test_a_file_that_cannot_be_finished_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "photo.jpg"
    write_whole(path, b"before")

    def fail(self, target):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(type(path), "replace", fail)
    with pytest.raises(OSError, match="Input/output"):
        write_whole(path, b"after")
    monkeypatch.undo()

    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_json_comes_back_as_it_went(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Müllerhaus"})

    assert read_json(tmp_path / "a.json", "") == {"name": "Müllerhaus"}


def test_damaged_json_is_named_with_advice(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ReconError, match=r"a\.json") as caught:
        read_json(tmp_path / "a.json", "delete it")

    assert caught.value.code is Cause.CORRUPT_FILE
    assert caught.value.try_ == "delete it"


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, ReconError, Cause.DISK_FULL),
        (errno.EDQUOT, ReconError, Cause.DISK_FULL),
        (errno.EACCES, UsageError, Cause.NOT_WRITABLE),
        (errno.EROFS, UsageError, Cause.NOT_WRITABLE),
    ],
)
def test_errors_of_a_disk_are_told_apart(tmp_path, number, kind, code):
    with pytest.raises(kind) as caught, disk_errors(tmp_path):
        raise OSError(number, "refused", str(tmp_path / "photo.jpg"))

    assert caught.value.code is code
