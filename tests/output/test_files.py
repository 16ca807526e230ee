"""A file is there whole or not at all, and a refusal says what to do."""

from __future__ import annotations

import errno

import pytest

from recon.core.errors import Cause, ReconError
from recon.output.files import replacing, write_errors


def test_the_file_takes_its_name_when_the_block_ends_well(tmp_path):
    path = tmp_path / "model.png"
    path.write_text("earlier")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "earlier"
        assert temporary.suffix == ".png"

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_earlier_file_stays_when_it_does_not(tmp_path):
    path = tmp_path / "model.png"
    path.write_text("earlier")
    with pytest.raises(FileNotFoundError), replacing(path) as temporary:
        (temporary / "no folder").write_text("half")

    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, Cause.DISK_FULL), (errno.EROFS, Cause.NOT_WRITABLE), (errno.EACCES, Cause.NOT_WRITABLE)],
)
def test_the_disk_refuses_in_words(tmp_path, number, code):
    with pytest.raises(ReconError) as caught, write_errors(tmp_path / "model.png"):
        raise OSError(number, "as the system says it")

    assert caught.value.code is code
    assert caught.value.file == str(tmp_path / "model.png")
    assert caught.value.try_


def test_a_missing_folder_is_named_with_the_line_that_makes_it(tmp_path):
    path = tmp_path / "no such" / "model.png"
    with pytest.raises(ReconError) as caught, write_errors(path), path.open("w"):
        pass

    assert caught.value.code is Cause.MISSING_FILE
    assert f"mkdir -p '{tmp_path / 'no such'}'" in caught.value.try_
