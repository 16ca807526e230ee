"""Files that a user asked for by name: there whole or not at all, and a refusal in words."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.core.errors import Cause, ReconError, UsageError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, of the same suffix, that takes its name when the block ends well."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Say in words why `path` could not be written.

    Raises:
        ReconError: DISK_FULL.
        UsageError: NOT_WRITABLE, or MISSING_FILE where the folder it should lie in is not there.
    """
    try:
        yield
    except OSError as error:
        folder = path.absolute().parent
        if not folder.is_dir():
            raise UsageError(
                f"cannot write {path}: there is no folder {folder}",
                code=Cause.MISSING_FILE,
                file=str(path),
                try_=f"make it first: mkdir -p {shlex.quote(str(folder))}",
            ) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ReconError(
                f"cannot write {path}: the disk is full",
                code=Cause.DISK_FULL,
                file=str(path),
                try_="make room, or write to another disk",
            ) from error
        raise UsageError(
            f"cannot write {path}: {error.strerror or error}",
            code=Cause.NOT_WRITABLE,
            file=str(path),
            try_="choose another place, or change the permissions of this one",
        ) from error
