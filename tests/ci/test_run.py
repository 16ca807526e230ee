"""`.ci/run` with a `make` that only writes down how it was called."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

_RUN = Path(__file__).parents[2] / ".ci" / "run"
_FAKE_MAKE = """#!/bin/sh
echo "make $*|$RECON_DATA|$RECON_WEIGHTS|$RECON_REFERENCE|$RECON_TRAIN" >> "$CALLS"
[ "$1" != "$FAILING" ]
"""


@pytest.fixture
def run_ci(tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """Return a function that runs a copy of `.ci/run`, and gives its exit status and the calls of `make`."""
    clone = tmp_path / "a clone"
    (clone / ".ci").mkdir(parents=True)
    shutil.copy(_RUN, clone / ".ci" / "run")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(_FAKE_MAKE)
    make.chmod(0o755)

    def run(failing: str = "") -> tuple[int, list[str]]:
        calls = tmp_path / "calls"
        paths = {"PATH": f"{make.parent}:{os.environ['PATH']}", "CALLS": str(calls), "FAILING": failing}
        command = ["bash", str(clone / ".ci" / "run")]
        result = subprocess.run(command, env=paths, cwd="/", stdin=subprocess.DEVNULL, check=False)
        return result.returncode, calls.read_text().splitlines()

    return run


def test_both_suites_run_and_nothing_is_named_without_a_shared_folder(run_ci: Callable[..., tuple[int, list[str]]]):
    assert run_ci() == (0, ["make test||||", "make test-slow||||"])


@pytest.mark.parametrize("failing", ["test", "test-slow"])
def test_either_failure_fails_and_both_still_run(run_ci: Callable[..., tuple[int, list[str]]], failing: str):
    status, calls = run_ci(failing)

    assert status == 1
    assert len(calls) == 2


def test_the_folders_that_exist_beside_the_clone_are_named(
    run_ci: Callable[..., tuple[int, list[str]]], tmp_path: Path
):
    for name in ("data", "train"):
        (tmp_path / "shared" / name).mkdir(parents=True)

    _, calls = run_ci()

    assert calls[0] == f"make test|{tmp_path}/shared/data|||{tmp_path}/shared/train"
