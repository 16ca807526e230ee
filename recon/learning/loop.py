"""Training: step after step, with checkpoints from which it goes on as if it had never stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from recon.core.errors import Cause, Interrupted, ReconError
from recon.core.events import Observer, Progress, StageStarted, Warned
from recon.core.executor import never
from recon.learning.checkpoints import Checkpoint, Standing, damaged, read_checkpoint, write_checkpoint
from recon.learning.fabrics import make_fabric, precision_on
from recon.learning.feeding import Share, StepBatches, feed
from recon.learning.following import answers_of_first
from recon.learning.optimising import GRADIENT, TOTAL, Optimising, is_finite
from recon.learning.samples import Batch, PairSource
from recon.learning.schedule import learning_rate
from recon.learning.settings import Machine, TrainSettings
from recon.learning.step import TrainingStep

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_BAD_IN_A_ROW = 5
"""Steps without a finite loss after which training ends. One alone is passed over: it changes nothing."""
_SHOWN_EVERY = 10
"""Steps between two signs of life."""

Validation = Callable[[nn.Module], Mapping[str, float]]
"""Returns the measures of a network; `score` among them says how good it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is trained, on what, and how it is judged."""

    step: TrainingStep
    """The network, and its losses."""
    source: PairSource
    validate: Validation
    save: Callable[[nn.Module], None]
    """Keeps the weights of a network that is the best so far."""
    show: Callable[[list[dict[str, float]]], None]
    """Draws the curve that a list of rows makes, each time that it has grown."""


@dataclass(frozen=True, slots=True)
class Trained:
    """How a training, or this piece of it, ended."""

    standing: Standing
    is_finished: bool
    """False where the time limit came first."""
    stopped_early: bool = False


def train(
    task: Task,
    settings: TrainSettings,
    machine: Machine,
    checkpoint: Path,
    observer: Observer,
    should_stop: Callable[[], bool] = never,
    stage: str = "train",
) -> Trained:
    """Train until the last step, from the checkpoint where there is one.

    Args:
        checkpoint: The file, written from time to time and at the end.

    Raises:
        Interrupted: `should_stop` said so; the checkpoint is that of the last step.
        ReconError: DISK_FULL at a checkpoint, whose predecessor stays; BAD_TRAINING, the loss is no number any more;
            CORRUPT_FILE, the checkpoint cannot be read.
    """
    if machine.device == "cpu":
        torch.set_num_threads(machine.threads)
    torch.manual_seed(settings.seed)
    precision = precision_on(settings.precision, machine.device)
    return _Training(task, settings, machine, checkpoint, observer, make_fabric(machine, precision)).run(
        should_stop, stage
    )


class _Training:
    """The state of one training."""

    def __init__(
        self,
        task: Task,
        settings: TrainSettings,
        machine: Machine,
        checkpoint: Path,
        observer: Observer,
        fabric: Fabric,
    ) -> None:
        self._task, self._settings, self._machine = task, settings, machine
        self._path, self._observer, self._fabric = checkpoint, observer, fabric
        self._optimising = Optimising(task.step, settings, fabric)
        self._standing = Standing()
        if checkpoint.exists():
            self._go_on_from(read_checkpoint(checkpoint))
        self._optimising.begin()
        self._saved_at, self._saved_step = time.monotonic(), self._standing.step

    def run(self, should_stop: Callable[[], bool], stage: str) -> Trained:
        settings, standing = self._settings, self._standing
        self._observer(StageStarted(stage=stage, total=settings.steps, done=standing.step, summary=self._summary()))
        began, before = time.monotonic(), standing.seconds
        limit = self._machine.time_limit_min
        share = Share(self._fabric.global_rank, self._fabric.world_size)
        batches = StepBatches(self._task.source, settings.batch, settings.seed, share)
        with feed(batches, range(standing.step, settings.steps), self._machine.num_workers) as made:
            while standing.step < settings.steps and not self._is_in_vain():
                standing.seconds = before + time.monotonic() - began
                is_over = limit is not None and time.monotonic() - began > 60 * limit
                is_stopped, is_over = answers_of_first(self._fabric, should_stop(), is_over)
                if is_stopped:
                    self._write()
                    raise Interrupted(
                        f"training stopped after step {standing.step} of {settings.steps}",
                        signal_number=getattr(should_stop, "signal_number", 2) or 2,
                        try_="the same command goes on from there",
                    )
                if is_over:
                    self._write()
                    return Trained(standing, is_finished=False)
                asked = time.monotonic()
                batch = next(made)
                standing.waited += time.monotonic() - asked
                self._take(batch, stage)
        standing.seconds = before + time.monotonic() - began
        self._write()
        return Trained(standing, is_finished=True, stopped_early=standing.step < settings.steps)

    def _summary(self) -> str:
        where = f"{self._machine.device}, {precision_on(self._settings.precision, self._machine.device)}"
        begun = f", from step {self._standing.step}" if self._standing.step else ""
        return f"{self._optimising.num_trained:,} weights, {self._settings.batch} pairs a step, {where}{begun}"

    def _take(self, batch: Batch, stage: str) -> None:
        """Do one step, and what is due after it."""
        standing, settings = self._standing, self._settings
        values = self._optimising.take(batch, standing.step)
        standing.step += 1
        if is_finite(values):
            del values[GRADIENT]
            standing.add(values)
        else:
            self._pass_over(values)
        if standing.step % _SHOWN_EVERY == 0 or standing.step == settings.steps:
            detail = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
            self._observer(Progress(stage=stage, done=standing.step, total=settings.steps, detail=detail))
        if standing.step % settings.validation_every == 0 or standing.step == settings.steps:
            self._validate()
        if self._is_checkpoint_due():
            self._write()

    def _pass_over(self, values: Mapping[str, float]) -> None:
        """Tell of a step without a finite loss.

        Raises:
            ReconError: BAD_TRAINING, for the last of several in a row.
        """
        standing = self._standing
        standing.passed_over += 1
        standing.in_a_row += 1
        bad = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value) and name != TOTAL]
        told = f"step {standing.step}: {', '.join(bad)}"
        if standing.in_a_row < _BAD_IN_A_ROW:
            self._observer(Warned(message=f"{told}; the step is passed over"))
            return
        raise ReconError(
            f"training broke down, {standing.in_a_row} steps in a row without a finite loss; {told}",
            code=Cause.BAD_TRAINING,
            file=str(self._path),
            try_="begin again with --fresh and a smaller --learning-rate; the weights before the first of these steps "
            "are kept",
        )

    def _validate(self) -> None:
        standing = self._standing
        measures = self._fabric.broadcast(dict(self._task.validate(self._optimising.average)))
        rate = learning_rate(standing.step - 1, self._settings)
        is_best = standing.conclude({"learning_rate": rate}, measures)
        if self._fabric.is_global_zero:
            if is_best:
                self._task.save(self._optimising.average)
            self._task.show(standing.rows)

    def _is_in_vain(self) -> bool:
        """Whether validation has not gained for as long as the settings are patient."""
        patience = self._settings.patience
        return patience is not None and self._standing.num_since_best >= patience

    def _is_checkpoint_due(self) -> bool:
        if self._standing.in_a_row:
            return False  # nothing that may have begun to break down takes the place of what is good
        every = self._machine.checkpoint_every
        is_step = every is not None and self._standing.step % every == 0
        return is_step or time.monotonic() - self._saved_at > 60 * self._machine.checkpoint_minutes

    def _write(self) -> None:
        if self._fabric.is_global_zero and self._standing.step != self._saved_step:
            write_checkpoint(self._path, Checkpoint(self._standing, *self._optimising.states()))
        self._saved_at, self._saved_step = time.monotonic(), self._standing.step

    def _go_on_from(self, held: Checkpoint) -> None:
        try:
            self._optimising.load_states(held.module, held.average, held.optimiser)
        except (RuntimeError, ValueError, KeyError) as error:
            raise damaged(self._path) from error
        self._standing = held.standing
