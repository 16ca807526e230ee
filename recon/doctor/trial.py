"""Tries things in a Python of its own: what crashes or hangs there does so without us."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Trial:
    """How a script ended."""

    answer: Any
    """The JSON of its last line; None where it did not get that far."""
    failure: str | None
    """What went wrong, in a line; None for nothing."""


def try_script(script: str, *arguments: str, seconds: float = _SECONDS) -> Trial:
    """Return what a script prints as JSON, or why it did not.

    Its own folder does not come first on its path, so that a file of the user's is not taken for a library.
    """
    command = [sys.executable, "-P", "-c", script, *arguments]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return Trial(None, f"it did not finish within {seconds:g} s")
    except OSError as error:
        return Trial(None, f"Python could not be started: {error}")
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        try:
            return Trial(json.loads(lines[-1]), None)
        except ValueError:
            return Trial(None, f"it printed {lines[-1][:200]!r}")
    if done.returncode < 0:
        return Trial(None, f"it was killed by {_signal_name(-done.returncode)}")
    said = done.stderr.strip().splitlines()
    return Trial(None, said[-1][:500] if said else f"it ended with status {done.returncode}")


def _signal_name(number: int) -> str:
    meanings = {signal.SIGILL: "SIGILL: this processor lacks instructions that it was built for"}
    try:
        return meanings.get(signal.Signals(number)) or signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
