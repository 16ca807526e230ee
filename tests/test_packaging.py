"""The package as it is installed: complete without the tree, its dependencies named and pinned."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parents[1]
_PROJECT: dict[str, Any] = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
_PACKAGING_INPUT = ("pyproject.toml", "README.md", "LICENSE", "recon", "plugins")


def _run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which a wheel, built from a copy of the tree, is installed."""
    root = tmp_path_factory.mktemp("packaging")
    tree, target = root / "tree", root / "installed"
    tree.mkdir()
    for name in _PACKAGING_INPUT:  # a copy, since a build leaves files beside its sources
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    pip = (sys.executable, "-m", "pip")
    _run(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(root), str(tree), cwd=root)
    shutil.rmtree(tree)
    (wheel,) = root.glob("*.whl")
    _run(*pip, "install", "-q", "--no-deps", "--target", str(target), str(wheel), cwd=root)
    return target


def _recon(installed: Path, *arguments: str, cwd: Path) -> str:
    return _run(str(installed / "bin" / "recon"), *arguments, cwd=cwd, PYTHONPATH=str(installed)).stdout


def test_the_wheel_works_without_the_tree(installed: Path, tmp_path: Path):
    """`recon plugins` fails when a module that an entry point names is not in the wheel."""
    where = "import recon, recon_plugins; print(recon.__file__); print(recon_plugins.__file__)"
    files = _run(sys.executable, "-c", where, cwd=tmp_path, PYTHONPATH=str(installed)).stdout.splitlines()

    assert all(Path(file).is_relative_to(installed) for file in files)
    assert "Photos in, 3D out" in _recon(installed, "--help", cwd=tmp_path)
    assert "sift" in _recon(installed, "plugins", cwd=tmp_path)


def test_a_plugin_can_be_begun_from_the_wheel(installed: Path, tmp_path: Path):
    """Its templates are data files, which a wheel leaves out unless it is told."""
    _recon(installed, "plugins", "new", "corners", cwd=tmp_path)

    assert list(tmp_path.rglob("pyproject.toml"))


@pytest.mark.slow
def test_the_wheel_reconstructs_the_sample(installed: Path, tmp_path: Path, sample_photos: Path):
    _recon(installed, "run", str(sample_photos), "--output", "model", cwd=tmp_path)

    assert (tmp_path / "model" / "sparse" / "0" / "images.bin").stat().st_size > 0
    assert (tmp_path / "model" / "points.ply").stat().st_size > 0


def test_every_package_of_the_tree_is_listed():
    """The list stands in pyproject.toml by hand: a folder that is forgotten works from the tree only."""
    found = {
        ".".join(("recon_plugins" if path.parts[0] == "plugins" else path.parts[0], *path.parts[1:]))
        for folder in ("recon", "plugins")
        for path in (init.parent.relative_to(_ROOT) for init in (_ROOT / folder).rglob("__init__.py"))
    }

    assert set(_PROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_bundled_plugin_has_an_entry_point():
    """Bundled plugins are found as foreign ones are, so that the way is tested by every run."""
    plugins = _ROOT / "plugins"
    hooked = {file for file in plugins.rglob("*.py") if "@recon.hookimpl" in file.read_text("utf-8")}
    modules = {(file.parent if file.stem == "__init__" else file).relative_to(plugins).stem for file in hooked}
    offered = set(_PROJECT["project"]["entry-points"]["recon"].values())

    assert offered == {f"recon_plugins.{module}" for module in modules}


def _requirements() -> dict[str, Requirement]:
    groups = [_PROJECT["project"]["dependencies"], *_PROJECT["project"]["optional-dependencies"].values()]
    found = [Requirement(line) for group in groups for line in group]
    return {str(canonicalize_name(each.name)): each for each in found if each.name != "recon-sfm"}


def test_every_dependency_is_pinned_within_its_range():
    lines = (_ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(re.fullmatch(r"([\w.-]+)==(\S+)", line).groups() for line in lines if line and line[0] != "#")  # type: ignore[union-attr]
    pinned = {str(canonicalize_name(name)): version for name, version in pins.items()}

    for name, requirement in _requirements().items():
        assert pinned[name] in requirement.specifier, name
    assert pinned["torch"] == "2.13.0"  # a local version or a range would bring the CUDA packages
