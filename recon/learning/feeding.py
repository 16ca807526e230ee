"""Training data made ahead of the trainer, by processes of their own.

Sample i of step s is made by a generator seeded with (seed, s, i) and by nothing else, so that the data are the same
for any number of processes, and from whichever step a training goes on.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from torch import Generator
from torch.utils.data import DataLoader, Dataset

from recon.core.errors import Cause, ReconError
from recon.learning.samples import Batch, PairSample, PairSource, collate

_AHEAD = 4
"""Batches that each process has ready or in hand."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Share:
    """Which of a batch's pairs one of several trainers takes."""

    rank: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """An error on its way from the process that made data to the trainer."""

    message: str
    code: Cause
    file: str | None
    try_: str | None


@dataclass(frozen=True, slots=True, eq=False)
class StepBatches(Dataset[Batch | Failure]):
    """The batch of each step, by the step's number."""

    source: PairSource
    batch: int
    seed: int
    share: Share = Share()

    def __getitem__(self, step: int) -> Batch | Failure:
        numbers = range(self.share.rank, self.batch, self.share.of)
        try:
            return collate([sample_of(self.source, self.seed, step, number) for number in numbers])
        except ReconError as error:
            return Failure(error.message, error.code, error.file, error.try_)


def sample_of(source: PairSource, seed: int, step: int, number: int) -> PairSample:
    """Return one sample of a step."""
    return source.sample(np.random.default_rng([seed, step, number]))


@contextmanager
def feed(batches: StepBatches, steps: range, workers: int) -> Iterator[Iterator[Batch]]:
    """Give the batches of steps in their order, made ahead by processes; with 0 of them, here and when asked.

    Raises:
        ReconError: What making a batch raised, in its turn; LOST_WORKER.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of more processes than cores
            # It begins the processes, which inherit that the signals are held back.
            iterator = iter(_loader(batches, steps, workers))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
    try:
        yield _checked(iterator)
    finally:
        if workers:  # an exception on its way up would keep the iterator, and so the processes, alive
            iterator._shutdown_workers()  # type: ignore[attr-defined]


def _loader(batches: StepBatches, steps: range, workers: int) -> DataLoader[Batch | Failure]:
    return DataLoader(
        batches,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=_AHEAD if workers else None,
        worker_init_fn=_begin_worker,
        multiprocessing_context="fork" if workers else None,  # what the source holds is not copied
        generator=Generator(),  # else it would draw from the one that training is seeded by
    )


def _checked(made: Iterator[Batch | Failure]) -> Iterator[Batch]:
    while True:
        try:
            batch = next(made)
        except StopIteration:
            return
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise ReconError(
                f"a process that made training data was ended from outside: {str(error).splitlines()[0]}",
                code=Cause.LOST_WORKER,
                try_="the same command goes on from the last checkpoint; if it was for want of memory, give "
                "--workers 1, or 0, or more shared memory (docker run --shm-size 1g)",
            ) from error
        if isinstance(batch, Failure):
            raise ReconError(batch.message, code=batch.code, file=batch.file, try_=batch.try_)
        yield batch


def _begin_worker(number: int) -> None:
    """Leave signals to the trainer, which ends its workers, and threads to itself."""
    import cv2

    cv2.setNumThreads(0)
    watched = signal.set_wakeup_fd(-1)
    if watched >= 0:
        os.close(watched)  # the trainer waits for its end of it to be the last
    for number_of_signal in _SIGNALS:  # a terminal, or `timeout`, tells all processes at once
        signal.signal(number_of_signal, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
