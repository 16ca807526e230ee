"""Loads one plugin, alone in a pluggy manager of its own, and checks everything it answers."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from recon.core import hookspecs
from recon.core.components import ComponentSpec
from recon.core.discovery import FoundPlugin
from recon.core.events import Event, Observer
from recon.core.kinds import Kind
from recon.core.suggestions import did_you_mean
from recon.core.validation import check_spec

_HOOK_NAMES = frozenset(name for name in vars(hookspecs) if name.startswith("recon_"))
_HOST = Path(__file__).parent
_PYTHON = Path(traceback.__file__).parent


@dataclass(frozen=True, slots=True)
class Offer:
    """A component that can be used, and who offers it."""

    kind: Kind
    spec: ComponentSpec[Any]
    plugin: str
    """The entry point's name, or the name of a one-file plugin."""
    package: str
    version: str
    """Of the package; of the file's content for a one-file plugin."""


class LoadedPlugin:
    """One plugin's module, imported and registered."""

    def __init__(self, found: FoundPlugin) -> None:
        """Import and register it.

        Raises:
            Exception: Whatever the import raises; ValueError or PluginValidationError for hooks that do not fit.
            SystemExit: The plugin ends the process where it should raise.
        """
        self.found = found
        with contextlib.redirect_stdout(sys.stderr):  # what it prints must not end up in `--json`
            namespace = found.load()
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._manager.register(namespace, found.name)
        self._check_hooks(namespace)

    def _check_hooks(self, namespace: object) -> None:
        callers = vars(self._manager.hook)
        implemented = {name: caller.get_hookimpls() for name, caller in callers.items() if caller.get_hookimpls()}
        for name, functions in implemented.items():
            if name not in _HOOK_NAMES and not all(function.optionalhook for function in functions):
                raise ValueError(f"{name} is no hook of recon{did_you_mean(name, _HOOK_NAMES)}")
        for name in sorted(_HOOK_NAMES - implemented.keys()):
            if callable(getattr(namespace, name, None)):
                raise ValueError(f"{name} is not marked @recon.hookimpl, so recon never calls it")
        if not implemented:
            raise ValueError("it implements no hook of recon (functions marked @recon.hookimpl)")

    def offers(self, kind: Kind) -> list[Offer]:
        """Return what the plugin offers of one kind, checked.

        Raises:
            Exception: Whatever the hook raises; ValueError for an answer that cannot be used.
        """
        found, offers = self.found, []
        with contextlib.redirect_stdout(sys.stderr):
            for answer in getattr(self._manager.hook, kind.hook)():
                if isinstance(answer, ComponentSpec) or not isinstance(answer, Iterable):
                    raise ValueError(f"{kind.hook} returned {type(answer).__name__}, not a list of ComponentSpec")
                offers += [
                    Offer(kind, check_spec(kind, spec), found.name, found.package, found.version) for spec in answer
                ]
        return offers

    def observer(self) -> Observer | None:
        """Return the plugin's `recon_event` as an observer, None if it does not watch."""
        if not self._manager.hook.recon_event.get_hookimpls():
            return None

        def observe(event: Event) -> None:
            self._manager.hook.recon_event(event=event)

        observe.__qualname__ = f"of plugin {self.found.name!r} ({self.found.package})"
        return observe


def reason_of(error: BaseException) -> str:
    """Return one line: our own finding as it stands, a foreign exception with its type and place."""
    message = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    is_finding = isinstance(error, ValueError) and Path(frames[-1].filename).is_relative_to(_HOST)
    if is_finding or isinstance(error, pluggy.PluginValidationError):
        return message
    places = [frame for frame in frames if Path(frame.filename).is_file() and not _is_machinery(frame.filename)]
    where = f" ({places[-1].filename}, line {places[-1].lineno})" if places else ""
    return f"{type(error).__name__}{': ' if message else ''}{message}{where}"


def _is_machinery(filename: str) -> bool:
    """Whether a frame is the host's, pluggy's or Python's own, which tells a plugin's author nothing."""
    path = Path(filename)
    is_installed = not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    is_pythons = path.is_relative_to(_PYTHON) and not is_installed
    return path.is_relative_to(_HOST) or is_pythons or "pluggy" in path.parts
