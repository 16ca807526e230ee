"""One run in a process of its own: what it says, how long it took, how much memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, Interrupted, ReconError, UsageError


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How a run ended."""

    summary: dict[str, Any]
    """The JSON of the run."""
    memory_mb: float | None
    """Peak; None where the system does not say."""


def run_alone(photos: Path, output: Path, options: Sequence[str]) -> FinishedRun:
    """Return what `recon run` makes of the photos; no model is a result too.

    A process a run: memory is counted apart, and one that crashes takes nothing else along.

    Raises:
        UsageError, ReconError: As the run says.
        Interrupted: It was.
    """
    command = [sys.executable, "-m", "recon", "run", str(photos), "-o", str(output), "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        text = process.stdout.read()
        status, memory_mb = _wait(process)
    except KeyboardInterrupt:
        process.wait()  # it got the signal, too, and leaves a checkpoint
        raise
    try:
        summary = json.loads(text)
    except ValueError as error:
        raise ReconError(
            f"the run in {output} ended with status {status} and said nothing",
            code=Cause.BROKEN_PLUGIN,
            file=str(output),
            try_=f"see what it says: recon run {photos} -o {output} {' '.join(options)}",
        ) from error
    if status in (130, 143):
        raise Interrupted("stopped while comparing", signal_number=status - 128)
    said = summary.get("error")
    if said and (status == 2 or summary.get("images", 0) == 0):
        kind = UsageError if status == 2 else ReconError
        raise kind(said["message"], code=Cause(said["code"]), file=said["file"], try_=said["try"])
    return FinishedRun(summary, memory_mb)


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, float | None]:
    if not hasattr(os, "wait4"):
        return process.wait(), None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return process.returncode, usage.ru_maxrss * unit / 1e6
