"""Places to write to: the cache of weights, temporary files, and the folder that results land in."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from recon.doctor.diagnosis import Diagnosis, State
from recon.weights import cache_dir

_LITTLE_GB, _TOO_LITTLE_GB = 2.0, 0.1


def examine_storage() -> list[Diagnosis]:
    """Return whether the cache, the temporary folder and this folder can be written to, and how much room there is."""
    return [_cache(), _temporary(), _here()]


def _cache() -> Diagnosis:
    try:
        folder = cache_dir()
    except ImportError as error:
        return Diagnosis("cache", State.NOTE, f"its place is not known: {error}", "pip install platformdirs")
    reason = _why_not_writable(folder)
    if reason is None:
        return Diagnosis("cache", State.OK, str(folder))
    mend = f"sudo chown -R $USER '{folder}', or choose another place: export XDG_CACHE_HOME=FOLDER"
    return Diagnosis("cache", State.NOTE, f"weights cannot be kept in {folder}: {reason}", mend)


def _temporary() -> Diagnosis:
    try:
        folder = Path(tempfile.gettempdir())
    except OSError as error:  # none of the usual places will do
        mend = "export TMPDIR=FOLDER, a folder that you may write to"
        return Diagnosis("temporary files", State.PROBLEM, str(error), mend)
    reason = _why_not_writable(folder)
    if reason is not None:
        mend = "export TMPDIR=FOLDER, a folder that you may write to"
        return Diagnosis("temporary files", State.PROBLEM, f"{folder}: {reason}", mend)
    return Diagnosis("temporary files", State.OK, f"{folder}, {_free_gb(folder):.1f} GB free")


def _here() -> Diagnosis:
    folder = Path.cwd()
    free = _free_gb(folder)
    reason = _why_not_writable(folder)
    if reason is not None:
        text = f"results cannot be written to {folder}: {reason}"
        return Diagnosis("this folder", State.NOTE, text, "give -o DIR, a folder that you may write to")
    text = f"{folder}, {free:.1f} GB free"
    if free < _TOO_LITTLE_GB:
        return Diagnosis("this folder", State.PROBLEM, text, "make room, or give -o DIR on another disk")
    if free < _LITTLE_GB:
        return Diagnosis("this folder", State.NOTE, text, "make room, or give -o DIR on another disk, for large sets")
    return Diagnosis("this folder", State.OK, text)


def _why_not_writable(folder: Path) -> str | None:
    """Return why no file can be made in a folder, or in the nearest one above it that is there; None if one can."""
    try:
        here = next(each for each in (folder, *folder.parents) if each.exists())
        with tempfile.TemporaryFile(dir=here):
            return None
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _free_gb(folder: Path) -> float:
    return shutil.disk_usage(folder).free / 1e9
