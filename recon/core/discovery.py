"""Finds plugins without loading them: entry points of the group `recon`, and one-file plugins of a folder.

The order is fixed, whatever the order of `sys.path`: bundled plugins, then packages by name, then files.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import Distribution, distributions
from pathlib import Path
from types import ModuleType

from recon.core.errors import Cause, UsageError

GROUP = "recon"
BUNDLED_PACKAGE = "recon-sfm"


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """A plugin that is left out, and why."""

    plugin: str
    """The entry point's name, or the file's without `.py`."""
    package: str
    reason: str
    components: tuple[str, ...] = ()
    """Names of what it offered, as far as they are known."""


@dataclass(frozen=True, slots=True)
class FoundPlugin:
    """A plugin that is installed, not loaded yet."""

    name: str
    """The entry point's name, or the file's without `.py`."""
    package: str
    """The distribution, or the path of a one-file plugin."""
    version: str
    load: Callable[[], object]
    """Imports the plugin; may raise anything."""


def find_plugins(plugins_dir: Path | None) -> tuple[list[FoundPlugin], list[PluginProblem]]:
    """Return every plugin that is installed or lies in `plugins_dir`, and the packages that cannot be read.

    Raises:
        UsageError: `plugins_dir` is no folder.
    """
    found: list[FoundPlugin] = []
    problems: list[PluginProblem] = []
    for package, distribution in sorted(
        _packages_with_plugins(), key=lambda item: (item[0] != BUNDLED_PACKAGE, item[0])
    ):
        try:
            version = distribution.version
            entry_points = [point for point in distribution.entry_points if point.group == GROUP]
        except Exception as error:  # noqa: BLE001 - another package's files may be malformed in any way
            problems.append(PluginProblem("?", package, f"its entry points cannot be read: {error}"))
            continue
        found += [FoundPlugin(p.name, package, version, p.load) for p in sorted(entry_points, key=lambda p: p.name)]
    if plugins_dir is not None:
        found += _files(plugins_dir)
    return found, problems


def _packages_with_plugins() -> Iterator[tuple[str, Distribution]]:
    """Yield each distribution with our group once: the first on the path, which is the one that is imported."""
    seen = set()
    for distribution in distributions():
        try:
            # Reading names first would parse the metadata of every package that is installed.
            has_plugins = f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or "")
            package = re.sub(r"[-_.]+", "-", distribution.name).lower() if has_plugins else ""
        except Exception:  # noqa: BLE001, S112 - what a broken installation left behind names no plugin
            continue
        if has_plugins and package not in seen:
            seen.add(package)
            yield package, distribution


def _files(folder: Path) -> list[FoundPlugin]:
    if not folder.is_dir():
        raise UsageError(
            f"the plugins folder {folder} does not exist",
            code=Cause.MISSING_FILE,
            file=str(folder),
            try_="give --plugins-dir a folder of one-file plugins (*.py)",
        )
    paths = sorted(path for path in folder.glob("*.py") if not path.name.startswith((".", "_")))
    return [FoundPlugin(path.stem, str(path), _content_version(path), partial(_import, path)) for path in paths]


def _content_version(path: Path) -> str:
    """Return a version that changes with the file, so that no result of an earlier text is reused."""
    try:
        return "sha256-" + hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return ""  # loading it will fail, and be reported


def _import(path: Path) -> ModuleType:
    name = f"recon_plugin_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no Python module: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module while the class is made
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
