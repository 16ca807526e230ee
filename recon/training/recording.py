"""How a training ended, written into its folder whatever the end, and told from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from platform import python_version
from typing import Any

import recon
from recon.core.errors import Interrupted, ReconError
from recon.learning.checkpoints import read_checkpoint
from recon.learning.run_folder import RunFolder
from recon.learning.run_record import State


@contextmanager
def recorded(folder: RunFolder, should_stop: Callable[[], bool]) -> Iterator[None]:
    """Write down how a training ended, and how long this piece of it took, whatever the end."""
    began = time.monotonic()
    before = float(folder.told.get("seconds", 0.0))
    state, error = None, None
    try:
        yield
    except Interrupted as stopped:
        state, error = State.INTERRUPTED, None
        number = getattr(should_stop, "signal_number", 0) or 2
        raise Interrupted(
            stopped.message, signal_number=number, try_=stopped.try_ or "the same command goes on from there"
        ) from stopped
    except KeyboardInterrupt:
        state = State.INTERRUPTED
        raise
    except ReconError as failed:
        state, error = State.FAILED, failed.as_dict()
        raise
    finally:
        changes: dict[str, Any] = {"seconds": before + time.monotonic() - began, "error": error}
        try:
            folder.record(**changes, **({} if state is None else {"state": state}), **_reached(folder))
        except ReconError:
            if state is None:  # else it is the full disk that was met before
                raise


def _reached(folder: RunFolder) -> dict[str, Any]:
    """Return how far a training has come, as its checkpoint says."""
    try:
        standing = read_checkpoint(folder.checkpoint).standing
    except ReconError:
        return {}
    best = next((row for row in standing.rows if row["step"] == standing.best_step), None)
    return {
        "step": standing.step,
        "best": None if best is None else dict(best),
        "passed_over": standing.passed_over,
        "training_seconds": standing.seconds,
        "waited_seconds": standing.waited,
    }


def versions() -> dict[str, str]:
    """Return the versions of recon, Python and the libraries on which the numbers depend."""
    return {
        "recon": recon.__version__,
        "python": python_version(),
        **{name: metadata.version(name) for name in ("torch", "numpy", "lightning-fabric")},
    }


def summary_of(folder: RunFolder) -> dict[str, Any]:
    """Return the JSON of a training."""
    told: Mapping[str, Any] = folder.told
    names = ("kind", "state", "step", "best", "passed_over", "stopped_early", "parameters", "counts", "seconds")
    weights = str(folder.weights) if folder.weights.is_file() else None
    return {
        "run": str(folder.path),
        **{name: told.get(name) for name in names},
        "steps": told["asked"].get("settings", {}).get("steps"),
        "weights": weights,
        "report": told.get("report"),
        "error": told.get("error"),
    }
