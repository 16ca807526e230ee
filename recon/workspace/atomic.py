"""Files that are there whole or not at all, and the errors of a disk in words."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.core.errors import Cause, ReconError, UsageError

TEMPORARY_SUFFIX = ".part"
_SQLITE_HEADER_BYTES = 100
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP})


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes that name when the block ends well, else it is deleted."""
    # Two photos of one content have one key: two workers may write the same file at the same time.
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY_SUFFIX}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, and durably: it is on disk before it takes its name."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's content, hexadecimal; of a SQLite file without its counters of changes.

    These count up when anything opens the file, even to read it.
    """
    with path.open("rb") as stream:
        header = stream.read(_SQLITE_HEADER_BYTES)
        if not header.startswith(b"SQLite format 3"):
            stream.seek(0)
            return hashlib.file_digest(stream, "sha256").hexdigest()
        digest = hashlib.sha256(header[:24] + header[28:92])
        while block := stream.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()


@contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Say in words that the disk is full or that a folder refuses to be written.

    Raises:
        ReconError: DISK_FULL; what was written so far stays, and the same command goes on from there.
        UsageError: NOT_WRITABLE.
    """
    try:
        yield
    except OSError as error:
        file = str(error.filename or folder)
        if error.errno in _FULL:
            raise _disk_full(folder) from error
        if error.errno in _REFUSED:
            raise _not_writable(folder, file, error.strerror or "refused") from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise _not_writable(folder, file, "a file stands where a folder is needed") from error
        raise
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or "disk is full" in str(error):
            raise _disk_full(folder) from error
        if code is not None and code & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise _not_writable(folder, str(folder), str(error)) from error
        raise


def _disk_full(folder: Path) -> ReconError:
    return ReconError(
        f"the disk that holds {folder} is full",
        code=Cause.DISK_FULL,
        file=str(folder),
        try_="free some space and give the same command again: it goes on where it stopped",
    )


def _not_writable(folder: Path, file: str, reason: str) -> UsageError:
    return UsageError(
        f"cannot write to {folder}: {reason}",
        code=Cause.NOT_WRITABLE,
        file=file,
        try_="choose a folder that you may write to, with -o DIR",
    )
