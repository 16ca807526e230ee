"""Commands run as processes of their own, their time and memory, and what the benchmarks say of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Process:
    """A process that has ended."""

    command: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float
    """From its start to its end, whole."""
    peak_mib: float
    """The most memory that it, or a process that it started and waited for, held at once.

    Linux counts from the memory of the process that starts it, so a benchmark has to be smaller than what it measures.
    """

    def json(self) -> dict[str, Any]:
        """Return the object that it printed; a process that failed ends the benchmark."""
        if self.status != 0:
            sys.exit(f"{' '.join(self.command)} failed:\n{self.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(
            self.stdout.splitlines()[-1] if self.stdout.count("\n") <= 1 else self.stdout
        )
        return found


def run(command: Sequence[str]) -> Process:
    """Run a command to its end, whatever that is."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        _, wait_status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(wait_status)
        for stream in (stdout, stderr):
            stream.seek(0)
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return Process(
            tuple(command), process.returncode, stdout.read(), stderr.read(), seconds, usage.ru_maxrss / unit
        )


def call(command: Sequence[str]) -> tuple[dict[str, Any], float]:
    """Return the JSON object that a command prints, and how long the process took."""
    done = run(command)
    return done.json(), done.seconds


def recon(*words: str | Path) -> list[str]:
    """Return a `recon` command of the Python that runs this."""
    return [sys.executable, "-m", "recon", *map(str, words)]


def auc(model: Path, truth: Path) -> dict[str, float]:
    """Return AUC by threshold, percent."""
    return dict(run(recon("evaluate", model, truth, "--json")).json()["auc_deg"])


def num_registered(model: Path) -> int:
    """Return how many photos stand in a binary COLMAP model."""
    with (model / "images.bin").open("rb") as stream:
        return int.from_bytes(stream.read(8), "little")


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return the median of some values, with the smallest and the largest; a single one alone."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
