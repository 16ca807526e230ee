"""Opens COLMAP databases, and says in words what SQLite says of a full disk or a damaged file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pycolmap

from recon.core.errors import Cause, ReconError

_LOG = "-wal"
_BESIDE = (_LOG, "-shm", "-journal")
"""Endings of the files that SQLite keeps beside an open database."""


@contextmanager
def replace_database(path: Path) -> Iterator[pycolmap.Database]:
    """Give an empty database; it takes the place of the one at `path` when the block ends well.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE; an earlier database is still there.
    """
    unfinished = path.with_name(path.name + ".new")
    with _in_words(path):
        remove_database(unfinished)
    try:
        # No pycolmap.DatabaseTransaction: its destructor aborts the process where SQLite has rolled back on
        # its own, as it does on a full disk. Without it writing is as fast, since nothing is synced.
        with sqlite_in_words(path), pycolmap.Database.open(unfinished) as database:
            yield database
        take_place(unfinished, path)
    finally:
        with suppress(OSError):  # a full disk gets its room back
            remove_database(unfinished)


def take_place(written: Path, path: Path) -> None:
    """Let a database that is written and closed take the place of the one at `path`.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE; the earlier database is still there.
    """
    with _in_words(path):
        if written.with_name(written.name + _LOG).exists():
            raise OSError(errno.ENOSPC, "SQLite could not move its log into the database")
        with written.open("rb+") as stream:
            os.fsync(stream.fileno())
        for old in _files_beside(path):
            old.unlink(missing_ok=True)
        written.replace(path)


@contextmanager
def open_database(path: Path) -> Iterator[pycolmap.Database]:
    """Give a database for reading.

    Raises:
        ReconError: CORRUPT_FILE; it is missing, damaged, or no COLMAP database.
    """
    if not path.is_file():  # pycolmap would create it
        raise _corrupt(path, "it is missing")
    try:
        with pycolmap.Database.open(path) as database:
            yield database
    except RuntimeError as error:
        if _is_about_opening(error) or "SQLite error" in str(error):
            raise _corrupt(path, "it is damaged or no COLMAP database") from error
        raise


@contextmanager
def sqlite_in_words(path: Path) -> Iterator[None]:
    """Say in words why SQLite could not write a database.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE.
    """
    try:
        yield
    except RuntimeError as error:
        if _is_about_opening(error):
            raise _cannot_write(path, OSError(errno.EACCES, "it cannot be created")) from error
        if "SQLite error: disk" in str(error) or "SQLite error: database or disk is full" in str(error):
            raise _cannot_write(path, OSError(errno.ENOSPC, str(error))) from error
        raise


def _is_about_opening(error: RuntimeError) -> bool:
    return "database factory" in str(error)


def _files_beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in _BESIDE]


def remove_database(path: Path) -> None:
    """Delete a database with what SQLite keeps beside it; nothing there is fine."""
    for file in (path, *_files_beside(path)):
        file.unlink(missing_ok=True)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> ReconError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ReconError(
            f"the disk is full: the database could not be written to {path}",
            code=Cause.DISK_FULL,
            file=str(path),
            try_="make room, then run the same command again: it goes on where it stopped",
        )
    return ReconError(
        f"cannot write the database to {path}: {error.strerror}",
        code=Cause.NOT_WRITABLE,
        file=str(path),
        try_="check the folder's permissions and the room on its disk, or choose another output folder",
    )


def _corrupt(path: Path, reason: str) -> ReconError:
    return ReconError(
        f"the database {path} cannot be read: {reason}",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_="delete it and run the same command again: it is made anew from the matches",
    )
