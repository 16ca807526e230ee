"""The intrinsics of one camera as a file gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recon.core.errors import Cause, UsageError


@dataclass(frozen=True, slots=True)
class GivenCamera:
    """One camera that a file describes."""

    model: str
    """COLMAP's name."""
    size: tuple[int, int] | None
    """Width and height in pixels; None where the file does not tell."""
    params: tuple[float, ...]
    """In COLMAP's order and pixel origin."""
    origin: str
    """Where it stands, for messages; photos of one camera have one origin."""


def bad_cameras(path: Path, what: str) -> UsageError:
    """Return the error of a file of cameras that cannot be read."""
    return UsageError(
        f"{path}: {what}",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_="write it again with the program that it came from, or leave --cameras out",
    )
