"""Tests on real photos never pass silently: without RECON_DATA they are counted, with it a missing set fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

def test_without_photos(): pass

@pytest.mark.photos
def test_with_photos(photo_set):
    assert (photo_set("fox") / "images").is_dir()

@pytest.mark.photos
@pytest.mark.slow
def test_slow_with_photos(photo_set): pass
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs those tests with this suite's conftest, and returns status and output lines."""
    (tmp_path / "tests").mkdir()
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path / "tests")
    (tmp_path / "tests" / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    photos\n")

    def run(*arguments: str, data: Path | None = None) -> tuple[int, list[str]]:
        environment = {name: value for name, value in os.environ.items() if name != "RECON_DATA"}
        if data is not None:
            environment["RECON_DATA"] = str(data)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout.splitlines()

    return run


def test_without_data_the_last_line_counts_what_was_not_run(run):
    status, lines = run()

    assert status == 0
    assert lines[-1].startswith("2 tests on real photo sets were not run: RECON_DATA is not set")
    assert "1 passed, 2 deselected" in lines[-2]


def test_only_what_was_asked_for_is_counted(run):
    _, lines = run("-m", "not slow")

    assert lines[-1].startswith("1 tests on real photo sets were not run")


def test_a_set_that_is_missing_fails(run, tmp_path):
    status, lines = run(data=tmp_path / "nowhere")

    assert status == 1
    assert any("RECON_DATA has no photo set 'fox'" in line for line in lines)


def test_a_set_that_is_there_is_found(run, tmp_path):
    (tmp_path / "data" / "fox" / "images").mkdir(parents=True)
    status, lines = run(data=tmp_path / "data")

    assert status == 0
    assert "3 passed" in lines[-1]
