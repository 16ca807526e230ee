"""Reads TOML files, and says in words what is wrong with one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError


def read_toml(path: Path, called: str, check: str) -> dict[str, Any]:
    """Return the content of a TOML file.

    Args:
        path: The file.
        called: What the file is to the user: "configuration".
        check: What to try where it cannot be read.

    Raises:
        UsageError: MISSING_FILE, or BAD_VALUE for a file that is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the {called} {path}: {error.strerror}", code=Cause.MISSING_FILE, file=str(path), try_=check
        ) from error
    except ValueError as error:  # neither UTF-8 nor TOML
        raise UsageError(
            f"{path} is no valid TOML: {error}", code=Cause.BAD_VALUE, file=str(path), try_="correct that line"
        ) from error
