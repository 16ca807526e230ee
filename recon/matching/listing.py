"""Lists the photos of a folder: which can be used, and why the others cannot."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from recon.core.data import ImageFile, LeftOut
from recon.matching.folder import find_photos, select_photos
from recon.matching.headers import read_header
from recon.matching.unreadable import UnreadableImage


@dataclass(frozen=True, slots=True)
class ImageListing:
    """The photos of a folder."""

    images: tuple[ImageFile, ...]
    """Those that can be used, by name."""
    unusable: tuple[LeftOut, ...]
    """The others, by name, with the reason."""


def list_images(folder: Path, names: Sequence[str] | None = None, executor: Executor | None = None) -> ImageListing:
    """Return the photos of a folder and its subfolders; each file is read once and none is decoded.

    Args:
        names: Only these photos, by their paths below the folder.
        executor: Where the files are read; None reads them one after the other.

    Raises:
        UsageError: The folder does not exist, or has no photo of a given name.
    """
    found = find_photos(folder)
    if names is not None:
        found = select_photos(found, folder, names)
    run = map if executor is None else executor.map
    with warnings.catch_warnings():
        # Pillow warns of damaged EXIF, without the file's name; what it cannot read counts as absent.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        results = list(run(_read, found.paths.values(), found.paths))
    images = [result for result in results if isinstance(result, ImageFile)]
    unusable = found.unusable + [result for result in results if isinstance(result, LeftOut)]
    return ImageListing(
        images=tuple(sorted(images, key=lambda image: image.name)),
        unusable=tuple(sorted(unusable, key=lambda left_out: left_out.image)),
    )


def _read(path: Path, name: str) -> ImageFile | LeftOut:
    try:
        return read_header(path, name)
    except UnreadableImage as error:
        return error.left_out
