"""A model while it grows, for whoever watches: the run writes it when asked, the watcher reads whatever is newest.

The two share one folder, `.cache/mapping` of the workspace. A watcher touches the file `watched` there; as long as
that is fresh, the run writes its growing model into `shown` now and then. Nobody waits for the other, nothing is
locked, and the run's result is the same whether it is watched or not.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pycolmap

from recon.core.components import MappingOptions
from recon.core.errors import ReconError
from recon.core.frame import ModelFrame
from recon.engine.model_files import check_binary_model, model_files
from recon.engine.model_frames import read_frame

INTERVAL_SECONDS = 1.0
MOST_SHARE = 0.05
"""Of the run's time that showing may take."""
_FRESH_SECONDS = 10.0
_SHOWN, _WATCHED = "shown", "watched"
_UNUSABLE = (ReconError, OSError, ValueError, IndexError, RuntimeError)
"""What a file makes of its reader when it is written at the same time."""


class Showing:
    """Writes a growing model for those who watch; what cannot be written is not shown, nothing else."""

    def __init__(self, folder: Path | None) -> None:
        """Args: `folder` is shared with the watchers; None shows nothing."""
        self._folder = folder
        self._next = 0.0

    @classmethod
    def of(cls, options: MappingOptions) -> Showing:
        """Return what a run's options give: beside the folder of its checkpoints."""
        return cls(options.checkpoint_dir.parent if options.checkpoint_dir else None)

    def show(self, model: pycolmap.Reconstruction) -> None:
        """Write the model if somebody watches and the last time is long enough ago."""
        started = time.monotonic()
        if self._folder is None or started < self._next:
            return
        self._next = started + INTERVAL_SECONDS
        if not self._is_watched(self._folder):
            return
        fresh, place = self._folder / f"{_SHOWN}.new", self._folder / _SHOWN
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            model.write_binary(fresh)
            shutil.rmtree(place, ignore_errors=True)
            fresh.rename(place)
        except _UNUSABLE:
            shutil.rmtree(fresh, ignore_errors=True)
        ended = time.monotonic()
        self._next = ended + max(INTERVAL_SECONDS, (ended - started) / MOST_SHARE)

    @staticmethod
    def _is_watched(folder: Path) -> bool:
        try:
            return time.time() - (folder / _WATCHED).stat().st_mtime < _FRESH_SECONDS
        except OSError:
            return False


class Watching:
    """Reads the newest model of a workspace, again and again, beside a run that may be writing it."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._shared = workspace / ".cache" / "mapping"
        self._last: tuple[int, int] | None = None

    @property
    def is_running(self) -> bool:
        """Whether a run says that it is at work on the workspace; a killed one does, too."""
        try:
            told = json.loads((self._workspace / "recon.json").read_text("utf-8"))
            return bool(told["state"] == "running")
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def newer(self) -> tuple[pycolmap.Reconstruction, ModelFrame] | None:
        """Return a model that is newer than the last one returned, and its frame.

        Returns:
            None where there is none, or none that is whole yet.
        """
        self._ask()
        for stamp, folder in sorted(self._candidates(), reverse=True):
            if self._last is not None and stamp <= self._last:
                return None
            found = _read_apart(folder)
            if found is not None and found[0].num_reg_images():
                self._last = stamp
                return found
        return None

    def close(self) -> None:
        """Ask no more."""
        with suppress(OSError):
            (self._shared / _WATCHED).unlink()
            self._shared.rmdir()  # a run that ended removed it, and all in it

    def _ask(self) -> None:
        # The run makes `.cache`; a folder that cannot be written still has models to read.
        with suppress(OSError):
            if self.is_running and self._shared.parent.is_dir():
                self._shared.mkdir(exist_ok=True)
                (self._shared / _WATCHED).touch()

    def _candidates(self) -> Iterator[tuple[tuple[int, int], Path]]:
        """Give the folders that hold a model, with what changes whenever another takes its place."""
        folders = [self._workspace / "sparse" / "0", self._shared / _SHOWN, *self._shared.glob("*/*/*")]
        for folder in folders:
            files = [] if folder.suffix == ".new" else model_files(folder)
            with suppress(OSError):
                if files:
                    told = files[1].stat()
                    yield (told.st_mtime_ns, told.st_ino), folder


def _read_apart(folder: Path) -> tuple[pycolmap.Reconstruction, ModelFrame] | None:
    """Return the model and frame in a copy of a folder that may be replaced while it is copied; None then."""
    with tempfile.TemporaryDirectory(prefix="recon-live-") as place:
        copy = Path(place) / "model"
        try:
            before = folder.stat().st_ino
            shutil.copytree(folder, copy)
            if folder.stat().st_ino != before:
                return None
            check_binary_model(copy)
            return pycolmap.Reconstruction(copy), read_frame(copy)
        except (shutil.Error, *_UNUSABLE):
            return None
