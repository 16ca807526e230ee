"""The folder of one training: its layout, its lock, and what `--fresh` may delete."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.learning.following import is_follower
from recon.learning.run_record import FORMAT, RECORD, State, read_record, refuse_other_settings
from recon.workspace.atomic import TEMPORARY_SUFFIX, storage_errors, write_text

LOCK = ".recon.lock"
_PATIENCE_S = 60.0
"""Processes that make data end seconds after the trainer was killed, and hold its lock until then."""
FILES = (
    *(
        "checkpoint.pt",
        "weights.safetensors",
        "tuned.safetensors",
        "curves.csv",
        "curves.png",
        "events.jsonl",
        "tensorboard",
    ),
    *("without", "reconstruction", "stages", "workspaces", ".cache"),
)
"""What a training may write besides its record and its lock, and what `--fresh` deletes."""


class RunFolder:
    """The folder of one training, held by this process."""

    def __init__(self, path: Path, told: dict[str, Any], *, is_follower: bool = False) -> None:
        self.path = path
        self._is_follower = is_follower
        self.told = told
        """What train.json says."""

    @property
    def checkpoint(self) -> Path:
        """What the training goes on from."""
        return self.path / "checkpoint.pt"

    @property
    def weights(self) -> Path:
        """The best weights so far."""
        return self.path / "weights.safetensors"

    @property
    def events(self) -> Path:
        """JSON lines: what happened, when."""
        return self.path / "events.jsonl"

    @property
    def tensorboard(self) -> Path:
        """The folder that TensorBoard reads."""
        return self.path / "tensorboard"

    @property
    def cache(self) -> Path:
        """What only a resume needs; deletable."""
        return self.path / ".cache"

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.told.get("state") == State.FINISHED

    def record(self, **changes: Any) -> None:
        """Write train.json with some fields changed."""
        self.told = {**self.told, **changes}
        if self._is_follower:
            return
        with storage_errors(self.path):
            write_text(self.path / RECORD, json.dumps(self.told, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def open_run_folder(
    path: Path, kind: str, asked: Mapping[str, Any], version: str, *, fresh: bool = False
) -> Iterator[RunFolder]:
    """Hold the folder of a training, made where there is none, for as long as the block lasts.

    One of several processes that train together holds it; the others look on.

    Args:
        kind: new, distill, tune, recipe.
        asked: Everything that decides the result, as JSON holds it.
        version: Of recon.
        fresh: Delete what an earlier training left, first.

    Raises:
        UsageError: NOT_A_WORKSPACE, the folder holds other files; WORKSPACE_LOCKED; NOT_WRITABLE; SETTINGS_CHANGED,
            the training that is there was asked for something else; CORRUPT_FILE, its record cannot be read.
    """
    if is_follower():
        yield RunFolder(path, read_record(path), is_follower=True)
        return
    with storage_errors(path):
        _refuse_foreign_folder(path)
        path.mkdir(parents=True, exist_ok=True)
    begun = {"format": FORMAT, "recon": version, "kind": kind, "asked": json.loads(json.dumps(asked))}
    with storage_errors(path):
        if not (path / RECORD).exists():
            write_text(path / RECORD, json.dumps(begun, indent=2) + "\n")
    with _locked(path), storage_errors(path):
        if fresh:
            _delete(path)
            told = begun
        else:
            told = read_record(path)
            refuse_other_settings(path, told, begun)
        for temporary in path.rglob(f"*{TEMPORARY_SUFFIX}"):
            temporary.unlink(missing_ok=True)
        folder = RunFolder(path, told)
        if not folder.is_finished:
            folder.record(state=State.RUNNING, pid=os.getpid(), host=socket.gethostname(), command=shlex.join(sys.argv))
        folder.cache.mkdir(exist_ok=True)
        yield folder


def _refuse_foreign_folder(path: Path) -> None:
    if not path.exists() or (path / RECORD).exists():
        return
    if not path.is_dir():
        raise UsageError(
            f"{path} is a file, not a folder", code=Cause.NOT_WRITABLE, file=str(path), try_="choose another -o RUN"
        )
    # Killed within its first instant, recon leaves a half-written record.
    foreign = [entry.name for entry in path.iterdir() if not entry.name.startswith((RECORD, LOCK))]
    if foreign:
        raise UsageError(
            f"{path} is not empty and has no {RECORD}: recon does not write among files that are not its own",
            code=Cause.NOT_A_WORKSPACE,
            file=str(path / min(foreign)),
            try_="choose a new or empty folder with -o RUN",
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path / LOCK)
    try:
        with storage_errors(path):
            lock.acquire(timeout=_PATIENCE_S if _is_holder_gone(path) else 0)
    except Timeout as error:
        told = read_record(path)
        where = "" if told.get("host") == socket.gethostname() else f" on {told.get('host')}"
        raise UsageError(
            f"{path} is in use by process {told.get('pid')}{where}",
            code=Cause.WORKSPACE_LOCKED,
            file=str(path / LOCK),
            try_="wait until it ends, or choose another folder with -o RUN",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _is_holder_gone(path: Path) -> bool:
    """Whether the process that held the folder last was killed: those that made its data soon follow it."""
    told = read_record(path)
    if told.get("host") != socket.gethostname() or not isinstance(pid := told.get("pid"), int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _delete(path: Path) -> None:
    for name in FILES:
        target = path / name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
