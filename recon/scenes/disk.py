"""Files that are there whole or not at all, and a disk's errors in words."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, ReconError, UsageError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at any moment it is either whole or as it was before."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file at once."""
    write_whole(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


def read_json(path: Path, advice: str) -> Any:
    """Return what a JSON file of ours holds.

    Raises:
        ReconError: CORRUPT_FILE; `advice` is what to try.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReconError(
            f"{path} is not readable as JSON: {error}", code=Cause.CORRUPT_FILE, file=str(path), try_=advice
        ) from error


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say in words that a disk is full or a folder cannot be used.

    Raises:
        ReconError: DISK_FULL; what was finished stays, and the same command goes on from there.
        UsageError: NOT_WRITABLE.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(folder) from error
        file = str(error.filename or folder)
        raise UsageError(
            f"cannot use {file}: {error.strerror or error}",
            code=Cause.NOT_WRITABLE,
            file=file,
            try_="give a folder that you may write to",
        ) from error


def disk_full(folder: Path) -> ReconError:
    """Return the error of a disk without room."""
    return ReconError(
        f"the disk that holds {folder} is full",
        code=Cause.DISK_FULL,
        file=str(folder),
        try_="free some space and give the same command again: it goes on where it stopped",
    )
