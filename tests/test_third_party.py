"""The proof of the plugin system: a package that knows nothing of recon but `import recon` adds an extractor.

It is installed as pip installs any package, into a folder that a new process has on its path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "third_party" / "recon-example-orb"


def pip_install(source: Path, target: Path) -> None:
    """Install a package without network; `source` is copied first, since setuptools builds inside it."""
    built = shutil.copytree(source, target.with_name(f"{target.name}-source"))
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, built], check=True)


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """Return the folder that the package is installed into."""
    target = tmp_path_factory.mktemp("installed") / "site"
    pip_install(PACKAGE, target)
    return target


def run(installed: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a new process that finds the package."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, check=False)


def test_its_module_has_at_most_thirty_lines():
    assert len((PACKAGE / "recon_example_orb.py").read_text("utf-8").splitlines()) <= 30


def test_it_imports_recon_and_nothing_of_its_inside():
    assert "recon." not in (PACKAGE / "recon_example_orb.py").read_text("utf-8").replace("recon.Features", "").replace(
        "recon.ComponentSpec", ""
    ).replace("recon.hookimpl", "")


def test_it_appears_in_the_list(installed, tmp_path):
    result = run(installed, "-m", "recon", "plugins", "--json", cwd=tmp_path)
    (orb,) = [plugin for plugin in json.loads(result.stdout)["plugins"] if plugin["name"] == "orb"]

    assert result.returncode == 0
    assert (orb["kind"], orb["package"], orb["version"]) == ("extractor", "recon-example-orb", "1.2.3")


def test_it_keeps_the_contract_by_its_own_tests(installed, tmp_path):
    tests = shutil.copytree(PACKAGE / "tests", tmp_path / "tests")
    result = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, cwd=tmp_path)

    assert result.returncode == 0, result.stdout
    assert "11 passed" in result.stdout


def test_it_reconstructs_a_scene(installed, sample_photos, tmp_path):
    """Six neighbouring photos of the sample set, one command."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for photo in sorted(sample_photos.iterdir())[:6]:
        shutil.copy(photo, photos)
    result = run(
        installed, "-m", "recon", "run", photos, "-o", tmp_path / "out", "--extractor", "orb", "--json", cwd=tmp_path
    )
    told = json.loads(result.stdout)

    assert result.returncode == 0, result.stderr
    assert told["registered"] == 6, told["left_out"]
    assert told["points3D"] > 200
    assert (tmp_path / "out" / "sparse" / "0" / "points3D.bin").is_file()
