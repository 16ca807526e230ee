"""Keeps the models of a run while they are made, so that a killed run does not begin them anew.

In the folder: `growing`, the model that grows; and finished ones as `attempt-0`, `grown-0`, `complete-0`, ...
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Literal

import pycolmap

from recon.core.components import MappingOptions
from recon.core.errors import ReconError
from recon.engine.growth import GrownModel
from recon.engine.ladder import LADDER, Step
from recon.engine.live_models import Showing
from recon.engine.model_files import check_binary_model, model_files

INTERVAL_SECONDS = 20.0
"""Work that may be lost."""
MOST_ATTEMPTS = 5
_GROWING = "growing"
_STEP_FILE = "step"
_UNUSABLE = (OSError, ValueError, IndexError, RuntimeError)
"""What pycolmap and the file system make of files that cannot be written or read."""

Finished = Literal["attempt", "grown", "complete"]
"""An attempt at a model; a model on the skeleton, the best of its attempts; a model with all matches."""


class Checkpoint:
    """The models of one mapping on disk; what cannot be written or read costs time, nothing else.

    With one thread nothing is kept: a run that promises identical bytes restarts from the matches.
    """

    def __init__(self, folder: Path | None, ladder: tuple[Step, ...] = LADDER, showing: Showing | None = None) -> None:
        self._showing = showing
        self._folder = folder
        self._ladder = ladder
        self._last_kept = time.monotonic()

    @classmethod
    def of(cls, options: MappingOptions, name: str, ladder: tuple[Step, ...]) -> Checkpoint:
        """Return the checkpoint that a run's options ask for, for one way of mapping."""
        wanted = options.checkpoint_dir if options.threads > 1 else None
        return cls(wanted / name if wanted else None, ladder, Showing.of(options))

    def keep(self, model: pycolmap.Reconstruction, step: Step, at_once: bool = False) -> None:
        """Write the growing model if the last time is long enough ago; the older one stays until it is written."""
        if self._showing is not None:
            self._showing.show(model)
        if at_once or self._is_due():
            self._write(_GROWING, GrownModel(model, step))

    def resume(self) -> GrownModel | None:
        """Return the model that an interrupted run was growing, and its step; None where there is none to trust."""
        return self._read(_GROWING)

    def steps_left(self) -> tuple[Step, ...]:
        """Return the steps of the ladder from the one on which an interrupted run was at work; else all."""
        at_work = self.resume() or self.finished_one("attempt", 0)
        return self._ladder[self._ladder.index(at_work.step) :] if at_work else self._ladder

    def finish(self, what: Finished, model: GrownModel, number: int | None = None) -> None:
        """Keep a finished model, if it took long enough, and the growing one no more.

        Args:
            number: Its place among those of its kind; None puts it behind them.
        """
        if self._folder is None:
            return
        supersedes = [_GROWING, *(f"attempt-{k}" for k in range(MOST_ATTEMPTS) if what == "grown")]
        if self._is_due() or any((self._folder / name).exists() for name in supersedes):
            self._write(f"{what}-{len(self.finished(what)) if number is None else number}", model)
        for name in supersedes:
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def finished(self, what: Finished) -> list[GrownModel]:
        """Return the finished models of a kind, in their order, up to the first that is missing or damaged."""
        models: list[GrownModel] = []
        while (model := self.finished_one(what, len(models))) is not None:
            models.append(model)
        return models

    def finished_one(self, what: Finished, number: int) -> GrownModel | None:
        """Return one finished model; None where it is missing or damaged."""
        return self._read(f"{what}-{number}")

    def close(self) -> None:
        """Keep nothing more, and remove what was kept."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def _is_due(self) -> bool:
        return time.monotonic() - self._last_kept >= INTERVAL_SECONDS

    def _write(self, name: str, grown: GrownModel) -> None:
        if self._folder is None:
            return
        place, fresh = self._folder / name, self._folder / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            fresh.mkdir(parents=True)
            grown.model.write_binary(fresh)
            check_binary_model(fresh)
            (fresh / _STEP_FILE).write_text(grown.step.name, encoding="utf-8")
            shutil.rmtree(place, ignore_errors=True)
            fresh.rename(place)
        except (ReconError, *_UNUSABLE):
            shutil.rmtree(fresh, ignore_errors=True)  # without a checkpoint a resume costs time, nothing else
        self._last_kept = time.monotonic()

    def _read(self, name: str) -> GrownModel | None:
        if self._folder is None or not model_files(self._folder / name):
            return None
        try:
            check_binary_model(self._folder / name)
            step_name = (self._folder / name / _STEP_FILE).read_text(encoding="utf-8")
            step = next(step for step in self._ladder if step.name == step_name)
            return GrownModel(pycolmap.Reconstruction(self._folder / name), step)
        except (ReconError, StopIteration, *_UNUSABLE):
            return None  # a damaged checkpoint costs time, nothing else
