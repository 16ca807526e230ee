"""Which of the photos that a user names are new to a finished run, under which names, and which are known already."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from recon.core.data import ImageFile, LeftOut
from recon.core.errors import Cause, UsageError
from recon.matching.headers import read_header
from recon.matching.images import list_images
from recon.matching.unreadable import UnreadableImage
from recon.newcomers.finished_run import FinishedRun


@dataclass(frozen=True, slots=True)
class Gathered:
    """The photos that a user wants in a model."""

    new: tuple[ImageFile, ...]
    """Those that the run has never seen, by name."""
    known: tuple[ImageFile, ...]
    """Those that are among its photos already, by name."""
    left_out: tuple[LeftOut, ...]
    """Those that cannot be used, or are copies of others."""


def gather(finished: FinishedRun, sources: Sequence[Path]) -> Gathered:
    """Return the photos of files and folders, named like those of the run.

    A photo below the run's own folder has its path there as its name, another one its path below the folder that was
    given, or its file name.

    Raises:
        UsageError: A path does not exist, or a new photo has the name of another one.
    """
    images: dict[str, ImageFile] = {}
    unusable: dict[str, LeftOut] = {}
    for source in sources:
        found, bad = _read(source, finished)
        for image in found:
            other = images.setdefault(image.name, image)
            if other.digest != image.digest:
                raise _same_name(image, f"{other.path} and {image.path} are both called so")
        unusable |= {left_out.image: left_out for left_out in bad}
    by_digest = {image.digest: name for name, image in reversed(list(finished.photos.items()))}
    new, known, copies = [], [], []
    for name, image in sorted(images.items()):
        if name in finished.photos or name in finished.registered:
            if name in finished.photos and finished.photos[name].digest != image.digest:
                raise _same_name(image, f"{finished.run.workspace.path} has another photo of that name")
            known.append(image)
        elif image.digest in by_digest:
            copies.append(_copy(name, by_digest[image.digest]))
        else:
            by_digest[image.digest] = name
            new.append(image)
    left_out = sorted([*unusable.values(), *copies], key=lambda each: each.image)
    return Gathered(tuple(new), tuple(known), tuple(left_out))


def _read(source: Path, finished: FinishedRun) -> tuple[Sequence[ImageFile], Sequence[LeftOut]]:
    prefix = _place_in(finished.run.photos, source)
    if source.is_dir():
        with ThreadPoolExecutor(finished.run.plan.threads) as pool:
            listing = list_images(source, None, pool)
        images = [replace(image, name=_below(prefix, image.name)) for image in listing.images]
        return images, [replace(each, image=_below(prefix, each.image)) for each in listing.unusable]
    if not source.is_file():
        raise UsageError(
            f"there is no photo and no folder {source}",
            code=Cause.MISSING_FILE,
            file=str(source),
            try_="give photos, or a folder of them, and then the workspace: recon add PHOTOS OUT",
        )
    name = unicodedata.normalize("NFC", prefix if prefix else source.name)
    try:
        return [read_header(source, name)], []
    except UnreadableImage as error:
        return [], [error.left_out]


def _place_in(photos: Path, source: Path) -> str:
    """Return the POSIX path of a file or folder below the run's photos; nothing for another place."""
    try:
        place = source.resolve().relative_to(photos.resolve()).as_posix()
    except ValueError:
        return ""
    return "" if place == "." else place


def _below(prefix: str, name: str) -> str:
    return f"{unicodedata.normalize('NFC', prefix)}/{name}" if prefix else name


def _copy(name: str, other: str) -> LeftOut:
    return LeftOut(name, Cause.SAME_PICTURE, f"the same file as {other}, which is among the photos", "leave it out")


def _same_name(image: ImageFile, why: str) -> UsageError:
    return UsageError(
        f"the new photo {image.name!r} cannot keep its name: {why}",
        code=Cause.BAD_VALUE,
        file=str(image.path),
        try_="rename it, or put it into a folder of its own and give the folder above",
    )
