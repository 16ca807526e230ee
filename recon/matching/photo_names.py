"""Which photo of the run a file of another program means by a name."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError


def names_of_photos(images: Sequence[ImageFile], names: Sequence[str], file: Path) -> dict[str, str]:
    """Return the name in a file for each photo that the file names.

    Equal names go first, then names that lead to the photo from the file's own folder. Else one must be the end of
    the other's path: `images/a.jpg` means `a.jpg`. A name without suffix means the photo of that stem.

    Raises:
        UsageError: Several photos fit a name, or several names fit a photo.
    """
    spelling = {_normal(name): name for name in names}
    paths = {_resolved(file.parent / name): name for name in names}
    by_end = defaultdict(list)
    for name in spelling:
        by_end[PurePosixPath(name).name].append(name)
    found: dict[str, str] = {}
    for image in images:
        same = spelling.get(image.name) or paths.get(_resolved(image.path))
        if same is not None:
            found[image.name] = same
    taken = set(found.values())
    users: dict[str, str] = {}
    for image in images:
        if image.name in found:
            continue
        fitting = [
            spelling[name]
            for end in dict.fromkeys((PurePosixPath(image.name).name, PurePosixPath(image.name).stem))
            for name in by_end.get(end, ())
            if spelling[name] not in taken and _is_meant(name, image.name)
        ]
        if len(fitting) > 1:
            raise _ambiguous(file, f"{image.name} may be any of {', '.join(sorted(fitting))}")
        for name in fitting:
            if name in users:
                raise _ambiguous(file, f"{name} may be {users[name]} or {image.name}")
            users[name] = image.name
            found[image.name] = name
    return found


def _is_meant(name: str, photo: str) -> bool:
    stem = str(PurePosixPath(photo).with_suffix(""))
    return any(f"/{name}".endswith(f"/{one}") or f"/{one}".endswith(f"/{name}") for one in (photo, stem))


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", str(PurePosixPath(name.replace("\\", "/"))))


def _resolved(path: Path) -> str:
    try:
        return str(path.resolve())
    except (OSError, ValueError):  # a name too long, or with a NUL
        return str(path)


def _ambiguous(file: Path, message: str) -> UsageError:
    return UsageError(
        f"{file}: {message}",
        code=Cause.BAD_VALUE,
        file=str(file),
        try_="name the photos by their whole paths below the photos' folder",
    )
