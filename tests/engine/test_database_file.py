"""A full disk or a damaged file ends in one message, never in a traceback or an abort."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pycolmap
import pytest

from recon.core.errors import Cause, ReconError
from recon.engine.database_file import open_database, replace_database

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
import pycolmap
from recon.core.errors import ReconError
from recon.engine.database_file import replace_database

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    with replace_database(Path(sys.argv[1])) as database:
        camera = pycolmap.Camera(model="SIMPLE_PINHOLE", width=10, height=10, params=[9, 5, 5], camera_id=1)
        database.write_camera(camera, use_camera_id=True)
        for image_id in range(1, 20):
            image = pycolmap.Image(name=str(image_id), camera_id=1, image_id=image_id)
            database.write_image(image, use_image_id=True)
            database.write_keypoints(image_id, np.zeros((10000, 4), np.float32))
except ReconError as error:
    print(error.code)
"""


@pytest.mark.parametrize("limit", [100, 200_000, 2_000_000])
def test_a_full_disk_is_an_error_and_the_old_database_stays(tmp_path, limit):
    """A limit on the size of files stands in for it; SQLite meets it while creating, in its log, and later."""
    path = tmp_path / "database.db"
    path.write_text("the old one")

    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path, str(limit)], capture_output=True, text=True, timeout=60, check=False
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() in (Cause.DISK_FULL, Cause.NOT_WRITABLE)
    assert path.read_text() == "the old one"
    assert [file.name for file in tmp_path.iterdir()] == ["database.db"]


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path):
    with pytest.raises(ReconError) as caught, replace_database(tmp_path / "none" / "database.db"):
        pass

    assert caught.value.code is Cause.NOT_WRITABLE
    assert str(tmp_path) in caught.value.message
    assert caught.value.try_


def test_the_blocks_own_errors_stay_what_they_are(tmp_path):
    """A feature file that cannot be read is no trouble with the database."""
    with pytest.raises(PermissionError), replace_database(tmp_path / "database.db"):
        raise PermissionError

    assert list(tmp_path.iterdir()) == []


def test_a_mistake_in_the_data_keeps_its_traceback(tmp_path):
    """No photo may be blamed for a bug of ours."""

    def write_twice():
        with replace_database(tmp_path / "database.db") as database:
            for _ in range(2):
                database.write_matches(1, 2, np.zeros((1, 2), np.uint32))

    with pytest.raises(RuntimeError, match="constraint"):
        write_twice()


@pytest.fixture
def whole(tmp_path, synthesize):
    return synthesize(images=4)[0].read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"no database at all " * 100,
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:8192] + b"\xff" * (len(whole) - 8192),
    ],
    ids=["text", "half", "overwritten"],
)
def test_a_damaged_database_is_named(tmp_path, whole, damage):
    path = tmp_path / "damaged.db"
    path.write_bytes(damage(whole))

    with pytest.raises(ReconError) as caught, open_database(path) as database:
        pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions())

    assert caught.value.code is Cause.CORRUPT_FILE
    assert caught.value.file == str(path)
    assert caught.value.try_


def test_a_missing_database_is_not_created(tmp_path):
    with pytest.raises(ReconError) as caught, open_database(tmp_path / "missing.db"):
        pass

    assert caught.value.code is Cause.CORRUPT_FILE
    assert list(tmp_path.iterdir()) == []
