"""All that a training needs to go on from a step as if it had never stopped, in one file that is whole or not there.

What is random in a step is seeded by the step's number, so that no state of a generator has to be kept.
"""

from __future__ import annotations

import io
import math
import os
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from recon.core.errors import Cause, ReconError
from recon.workspace.atomic import replacing, storage_errors

FORMAT = 1


@dataclass(slots=True)
class Standing:
    """How far a training has come."""

    step: int = 0
    """Steps that are done."""
    rows: list[dict[str, float]] = field(default_factory=list)
    """The curve: a row a validation."""
    best_score: float | None = None
    best_step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    """Of each loss since the last validation."""
    count: int = 0
    """Steps in those sums."""
    passed_over: int = 0
    """Steps whose loss was no number."""
    in_a_row: int = 0
    """Those of them that came last, one after the other."""
    seconds: float = 0.0
    waited: float = 0.0
    """Seconds of these in which the network waited for data."""

    @property
    def num_since_best(self) -> int:
        """How many validations in a row did not reach the best score."""
        return sum(row["step"] > self.best_step for row in self.rows)

    def add(self, losses: Mapping[str, float]) -> None:
        """Take in the losses of a good step."""
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.count += 1
        self.in_a_row = 0

    def conclude(self, facts: Mapping[str, float], measures: Mapping[str, float]) -> bool:
        """Add a row to the curve, of the losses since the last one and a validation; return whether it is the best."""
        losses = {name: total / max(1, self.count) for name, total in self.sums.items()}
        self.rows.append({"step": self.step, **facts, **losses, **measures})
        self.sums, self.count = {}, 0
        score = measures["score"]
        if not math.isfinite(score) or (self.best_score is not None and score <= self.best_score):
            return False
        self.best_score, self.best_step = score, self.step
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A step of a training."""

    standing: Standing
    module: dict[str, Any]
    """State of the network, and of what is trained beside it."""
    average: dict[str, Any]
    optimiser: dict[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in place of an earlier one, which stays where the disk is full.

    Raises:
        ReconError: DISK_FULL.
        UsageError: NOT_WRITABLE.
    """
    content = io.BytesIO()  # torch turns what a disk says into errors of its own
    parts = {"module": checkpoint.module, "average": checkpoint.average, "optimiser": checkpoint.optimiser}
    torch.save({"format": FORMAT, "standing": asdict(checkpoint.standing), **parts}, content)
    with storage_errors(path.parent), replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(content.getbuffer())
        stream.flush()
        os.fsync(stream.fileno())


def read_checkpoint(path: Path) -> Checkpoint:
    """Return what `write_checkpoint` wrote.

    Raises:
        ReconError: CORRUPT_FILE; nothing in the file is ever executed.
    """
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        if held["format"] != FORMAT:
            raise ValueError(f"its format is {held['format']}")
        return Checkpoint(Standing(**held["standing"]), held["module"], held["average"], held["optimiser"])
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise damaged(path) from error


def damaged(path: Path) -> ReconError:
    """Return the error of a checkpoint that nothing can go on from."""
    return ReconError(
        f"the checkpoint {path} is damaged, or of another training",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_="give --fresh to train from the beginning, or put back a copy of the file",
    )
