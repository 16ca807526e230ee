"""A package that `recon plugins new` writes works and passes its own tests, as written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.scaffold import KINDS, write_package


def python(*arguments: object, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(path)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, check=False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests(kind, tmp_path):
    write_package(kind, "my-own", tmp_path / "new")
    result = python("-m", "pytest", "-q", "-p", "no:cacheprovider", path=tmp_path, cwd=tmp_path / "new")

    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout


def test_a_new_package_is_found_once_it_is_installed(tmp_path):
    write_package(Kind.EXTRACTOR, "my-own", tmp_path / "new")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    pip = [sys.executable, "-m", "pip", "install", *options, "--target", tmp_path / "site", tmp_path / "new"]
    subprocess.run(pip, check=True)
    result = python("-m", "recon", "plugins", "--json", path=tmp_path / "site", cwd=tmp_path)
    (mine,) = [plugin for plugin in json.loads(result.stdout)["plugins"] if plugin["name"] == "my-own"]

    assert (mine["package"], mine["kind"], mine["licence"]) == ("recon-my-own", "extractor", "BSD-3-Clause")
    assert result.returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_is_well_formed(kind, tmp_path):
    """By the rules that recon itself keeps, from a folder that knows nothing of them."""
    write_package(kind, "my-own", tmp_path / "new")
    for arguments in (
        ("check", "--select", "E,F,W,UP,B", "--line-length", "120"),
        ("format", "--check", "--line-length", "120"),
    ):
        result = python("-m", "ruff", *arguments, "--no-cache", "--isolated", ".", path=tmp_path, cwd=tmp_path / "new")
        assert result.returncode == 0, result.stdout


def test_no_placeholder_is_left(tmp_path):
    for kind in KINDS:
        for path in write_package(kind, "my-own", tmp_path / kind):
            assert "$" not in path.read_text("utf-8"), path


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError) as caught:
        write_package(Kind.EXTRACTOR, "my-own", tmp_path)

    assert caught.value.code is Cause.NOT_WRITABLE
    assert caught.value.file == str(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot write the package"):
        write_package(Kind.EXTRACTOR, "my-own", tmp_path / "file" / "new")
