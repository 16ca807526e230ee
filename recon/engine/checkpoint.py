"""Keeps the model that is growing, so that a killed run does not begin it anew."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pycolmap

from recon.core.components import MappingOptions
from recon.core.errors import ReconError
from recon.engine.ladder import LADDER, Step
from recon.engine.model_files import check_binary_model, model_files

INTERVAL_SECONDS = 20.0
_STEP_FILE = "step"
_UNUSABLE = (OSError, ValueError, IndexError, RuntimeError)
"""What pycolmap and the file system make of files that cannot be written or read."""


class Checkpoint:
    """The first model of a run on disk, replaced as it grows; later models are small and regrown.

    With one thread nothing is kept: a run that promises identical bytes restarts from the matches.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._last_kept = time.monotonic()

    @classmethod
    def of(cls, options: MappingOptions) -> Checkpoint:
        """Return the checkpoint that a run's options ask for."""
        wanted = options.checkpoint_dir if options.threads > 1 else None
        return cls(wanted / "growing" if wanted else None)

    def keep(self, model: pycolmap.Reconstruction, step: Step, at_once: bool = False) -> None:
        """Write the model if the last time is long enough ago; the older one stays until it is written."""
        if self._folder is None or (not at_once and time.monotonic() - self._last_kept < INTERVAL_SECONDS):
            return
        fresh = self._folder.with_name(self._folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            fresh.mkdir(parents=True)
            model.write_binary(fresh)
            check_binary_model(fresh)
            (fresh / _STEP_FILE).write_text(step.name, encoding="utf-8")
            shutil.rmtree(self._folder, ignore_errors=True)
            fresh.rename(self._folder)
        except (ReconError, *_UNUSABLE):
            shutil.rmtree(fresh, ignore_errors=True)  # without a checkpoint a resume costs time, nothing else
        self._last_kept = time.monotonic()

    def resume(self) -> tuple[pycolmap.Reconstruction, Step] | None:
        """Return the model that an interrupted run kept, and its step; None where there is none to trust."""
        if self._folder is None or not model_files(self._folder):
            return None
        try:
            check_binary_model(self._folder)
            name = (self._folder / _STEP_FILE).read_text(encoding="utf-8")
            step = next(step for step in LADDER if step.name == name)
            return pycolmap.Reconstruction(self._folder), step
        except (ReconError, StopIteration, *_UNUSABLE):
            return None  # a damaged checkpoint costs time, nothing else

    def close(self) -> None:
        """Keep nothing more, and remove what was kept."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None
