"""The workspace folder: its layout, the lock that names its holder, and what `--fresh` may delete."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.workspace.atomic import TEMPORARY_SUFFIX, file_digest, storage_errors
from recon.workspace.manifest import Manifest, StageRecord, State, read_manifest

MANIFEST = "recon.json"
LOCK = ".recon.lock"
_HALF_WRITTEN = ("database.db.new", "database.db.new-wal", "database.db.new-shm", "database.db.new-journal")
FRAMES = "frames"
"""The folder of frames where the photos are a video."""
HALF_WRITTEN_FRAMES = "frames.new"
FILES = (
    *("database.db", "database.db-wal", "database.db-shm", *_HALF_WRITTEN),
    *("sparse", "sparse.new", "sparse.old", "points.ply", "report.html", "events.jsonl", ".cache"),
    *(FRAMES, HALF_WRITTEN_FRAMES, "mesh.ply"),
)
"""What recon may write besides the manifest and the lock."""


class Workspace:
    """The folder of one run's results, held by this process."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self.previous = manifest
        """What the last run left."""
        self._verified: set[tuple[str, str]] = set()

    @property
    def database(self) -> Path:
        """The COLMAP database of the current plan."""
        return self.path / "database.db"

    @property
    def sparse(self) -> Path:
        """The folder of models: `sparse/0` is the best."""
        return self.path / "sparse"

    @property
    def points(self) -> Path:
        """The best model's coloured points."""
        return self.path / "points.ply"

    @property
    def report(self) -> Path:
        """The page about the last run."""
        return self.path / "report.html"

    @property
    def events(self) -> Path:
        """JSON lines: what happened, when."""
        return self.path / "events.jsonl"

    @property
    def cache(self) -> Path:
        """What only a resume needs; deletable."""
        return self.path / ".cache"

    def record(self, **changes: Any) -> None:
        """Write the manifest with some fields changed."""
        self.manifest = replace(self.manifest, **changes)
        self.manifest.write(self.path / MANIFEST)

    def record_stage(self, name: str, record: StageRecord) -> None:
        """Write down what a stage made; the results of later stages stay on record until they are redone."""
        self.record(stages={**self.manifest.stages, name: record})
        self._verified.add((name, record.key))

    def digests(self, *paths: Path) -> dict[str, str]:
        """Return the sha256 of files, and of every file below folders, by path in the workspace."""
        files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
        return {file.relative_to(self.path).as_posix(): file_digest(file) for file in files if file.is_file()}

    def finished_stage(self, name: str, key: str) -> StageRecord | None:
        """Return a stage's record if it was made from exactly this, and its files are still what it wrote."""
        record = self.manifest.stages.get(name)
        if record is None or record.key != key:
            return None
        if (name, key) in self._verified:
            return record
        for file, digest in record.digests.items():
            path = self.path / file
            if not path.is_file() or file_digest(path) != digest:
                return None
        self._verified.add((name, key))
        return record


@contextmanager
def open_workspace(
    path: Path, version: str, fields: Mapping[str, Any] | None = None, *, fresh: bool = False
) -> Iterator[Workspace]:
    """Hold the workspace in a folder, made where there is none, for as long as the block lasts.

    Args:
        version: Of recon, for the manifest.
        fields: Further fields of the manifest, of the run that begins.
        fresh: Delete what the manifest names, first.

    Raises:
        UsageError: The folder holds other files, is held by another process, or cannot be written.
    """
    with storage_errors(path):
        _refuse_foreign_folder(path)
        _make_folder(path)
        manifest_path = path / MANIFEST
        if not manifest_path.exists():
            # Before anything else is written: a folder with files and no manifest is refused.
            Manifest(version, files=FILES).write(manifest_path)
        manifest = read_manifest(manifest_path)
    with _locked(path):
        with storage_errors(path):
            manifest = read_manifest(manifest_path)  # the process that held it may have gone on
            if fresh:
                _delete(path, manifest.files)
                manifest = Manifest(version)
            _delete_half_written(path, is_after_crash=manifest.state is State.RUNNING)
            workspace = Workspace(path, manifest)
            workspace.record(
                recon=version,
                files=FILES,
                state=State.RUNNING,
                pid=os.getpid(),
                host=socket.gethostname(),
                **{"command": shlex.join(sys.argv), **(fields or {})},
            )
            workspace.cache.mkdir(exist_ok=True)
        yield workspace


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:  # what /proc says
        raise PermissionError(errno.EACCES, "no folder can be made there", str(path)) from error


def _refuse_foreign_folder(path: Path) -> None:
    if not path.exists() or (path / MANIFEST).exists():
        return
    if not path.is_dir():
        raise UsageError(
            f"{path} is a file, not a folder", code=Cause.NOT_WRITABLE, file=str(path), try_="choose another -o DIR"
        )
    # Killed within its first instant, recon leaves a half-written manifest.
    foreign = [entry.name for entry in path.iterdir() if not entry.name.startswith(MANIFEST)]
    if foreign:
        raise UsageError(
            f"{path} is not empty and has no recon.json: recon does not write among files that are not its own",
            code=Cause.NOT_A_WORKSPACE,
            file=str(path / min(foreign)),
            try_="choose a new or empty folder with -o DIR",
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path / LOCK)
    try:
        with storage_errors(path):
            lock.acquire(timeout=0)
    except Timeout as error:
        holder = read_manifest(path / MANIFEST)
        where = "" if holder.host == socket.gethostname() else f" on {holder.host}"
        raise UsageError(
            f"{path} is in use by process {holder.pid}{where}",
            code=Cause.WORKSPACE_LOCKED,
            file=str(path / LOCK),
            try_="wait until it ends, or choose another folder with -o DIR",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _delete(path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in FILES:  # a manifest that somebody edited deletes nothing else
            continue
        target = path / name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def _delete_half_written(path: Path, *, is_after_crash: bool) -> None:
    for temporary in (*path.glob(f"*{TEMPORARY_SUFFIX}"), *(path / name for name in _HALF_WRITTEN)):
        temporary.unlink(missing_ok=True)
    if is_after_crash:
        for temporary in path.glob(f".cache/**/*{TEMPORARY_SUFFIX}"):
            temporary.unlink(missing_ok=True)
