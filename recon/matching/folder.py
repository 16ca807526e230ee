"""Finds the photos in a folder and gives each its name: the POSIX path below the folder, in Unicode NFC.

Files and folders that begin with a dot are passed over, and so is a workspace of ours. Links to files are
followed, links to folders are not.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from recon.core.data import LeftOut
from recon.core.errors import Cause, UsageError
from recon.core.suggestions import did_you_mean
from recon.matching.formats import CONVERT, PHOTO_SUFFIXES, RAW_SUFFIXES

_WORKSPACE_MANIFEST = "recon.json"
_UNSPEAKABLE = frozenset({"Cc", "Cs"})
"""Unicode's categories of control characters and of bytes that are no UTF-8."""


@dataclass(slots=True)
class FoundPhotos:
    """The photo files of a folder, not yet opened."""

    paths: dict[str, Path] = field(default_factory=dict)
    """By name."""
    unusable: list[LeftOut] = field(default_factory=list)
    """Those that are known to be of no use without being opened."""


def find_photos(folder: Path) -> FoundPhotos:
    """Return the files whose suffix is a photo's, in subfolders too.

    Raises:
        UsageError: There is no such folder.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(
            f"the photos' folder {folder} {what}",
            code=Cause.MISSING_FILE,
            file=str(folder),
            try_="give the folder that holds the photos",
        )
    found = FoundPhotos()

    def report_folder(error: OSError) -> None:
        name = os.path.relpath(error.filename, folder)
        found.unusable.append(_left_out(name, f"the folder cannot be read: {error.strerror}", f"chmod u+rx '{name}'"))

    for directory, subfolders, files in os.walk(folder, onerror=report_folder):
        here = Path(directory)
        if here != folder and _WORKSPACE_MANIFEST in files:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        _add_files(found, here, sorted(name for name in files if not name.startswith(".")), folder)
    return found


def _add_files(found: FoundPhotos, directory: Path, files: Sequence[str], folder: Path) -> None:
    stems = {Path(file).stem for file in files if Path(file).suffix.lower() in PHOTO_SUFFIXES}
    for file in files:
        path = directory / file
        suffix = path.suffix.lower()
        raw_name = path.relative_to(folder).as_posix()
        if suffix in RAW_SUFFIXES and path.stem not in stems:
            found.unusable.append(_left_out(raw_name, "camera raw files cannot be read", CONVERT))
        if suffix not in PHOTO_SUFFIXES:
            continue
        name = unicodedata.normalize("NFC", raw_name)
        if not _UNSPEAKABLE.isdisjoint(map(unicodedata.category, name)):
            detail = "its name is not valid UTF-8 or has control characters"
            found.unusable.append(_left_out(raw_name, detail, "rename the file"))
        elif name in found.paths:
            detail = f"its name differs from that of another photo only in how Unicode spells {name}"
            found.unusable.append(_left_out(raw_name, detail, "rename one of the two"))
        else:
            found.paths[name] = path


def _left_out(name: str, detail: str, try_: str) -> LeftOut:
    return LeftOut(image=_printable(name), cause=Cause.UNREADABLE, detail=detail, try_=try_)


def _printable(name: str) -> str:
    """Return the name with \\xff for bytes that are no UTF-8, and \\n for a line break."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) == "Cc" else letter for letter in text)


def select_photos(found: FoundPhotos, folder: Path, names: Sequence[str]) -> FoundPhotos:
    """Return the photos of the given names, which may also be files that no suffix or dot gives away.

    Raises:
        UsageError: A name is no file below the folder.
    """
    unusable = {left_out.image: left_out for left_out in found.unusable}
    selected = FoundPhotos()
    for given in dict.fromkeys(names):
        name = unicodedata.normalize("NFC", PurePosixPath(given).as_posix())
        if name in unusable:
            selected.unusable.append(unusable[name])
        elif name in found.paths:
            selected.paths[name] = found.paths[name]
        elif not _leads_outside(name) and _is_file(folder / name):
            selected.paths[name] = folder / name
        else:
            raise UsageError(
                f"the image list names {given!r}, and {folder} has no such photo{did_you_mean(name, found.paths)}",
                code=Cause.MISSING_FILE,
                file=given,
                try_="names in the list are paths relative to the photos' folder, one a line",
            )
    return selected


def _leads_outside(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False
