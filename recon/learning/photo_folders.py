"""Folders of photos to train on: photos alone, or with a model whose tracks say what is the same place in several."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from recon.core.data import ImageFile, LeftOut
from recon.core.errors import Cause, ReconError, UsageError
from recon.matching.images import list_images
from recon.workspace.folder import MANIFEST
from recon.workspace.manifest import read_manifest

_MODEL_FILES = ("images.bin", "images.txt")


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """What a folder that a user gave holds."""

    given: Path
    photos: Path
    """The folder that the names of the photos count from."""
    images: Sequence[ImageFile]
    unusable: Sequence[LeftOut]
    model: Path | None
    """A COLMAP model of these photos."""

    @property
    def digest(self) -> str:
        """sha256 of the photos' contents, and of the model's."""
        parts = [f"{image.name} {image.digest}" for image in self.images]
        if self.model is not None:
            for file in sorted(each for each in self.model.iterdir() if each.suffix in (".bin", ".txt")):
                parts.append(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def open_photo_folder(given: Path, threads: int = 1) -> PhotoFolder:
    """Return the photos, and the model where there is one, of a folder of photos, a workspace or a COLMAP project.

    Raises:
        UsageError: MISSING_FILE.
        ReconError: NO_PHOTOS.
    """
    if not given.is_dir():
        raise UsageError(f"there is no folder {given}", code=Cause.MISSING_FILE, file=str(given), try_="check the path")
    photos, model = _places(given)
    if not photos.is_dir():
        raise UsageError(
            f"the photos of {given} are not in {photos} any more",
            code=Cause.MISSING_FILE,
            file=str(photos),
            try_="put them back, or give the folder of the photos itself",
        )
    with ThreadPoolExecutor(threads) as pool:
        listing = list_images(photos, None, pool)
    if not listing.images:
        raise ReconError(
            f"there are no photos in {photos}",
            code=Cause.NO_PHOTOS,
            file=str(photos),
            try_="give a folder of photos, a workspace of `recon run`, or a COLMAP model with its photos",
        )
    return PhotoFolder(given, photos, listing.images, listing.unusable, model)


def is_workspace(folder: Path) -> bool:
    """Whether a folder is one that `recon run` wrote."""
    return (folder / MANIFEST).is_file()


def _places(given: Path) -> tuple[Path, Path | None]:
    """Return where the photos of a folder are, and its model."""
    if is_workspace(given):
        photos = Path(read_manifest(given / MANIFEST).photos)
        model = given / "sparse" / "0"
        return photos, model if _is_model(model) else None
    for model in (given, given / "sparse" / "0", given / "sparse", given / "0"):
        if _is_model(model):
            beside = next((each / "images" for each in (given, given.parent) if (each / "images").is_dir()), given)
            return beside, model
    return given, None


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _MODEL_FILES)
