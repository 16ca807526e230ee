"""The photo files of a model: found by the names that the model has for them, opened, and never outside their folder.

Pixels are those of the sensor, which is what a model speaks of: as stored, EXIF's orientation not applied, but mirrored
back where EXIF says that they are stored mirrored.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.errors import Cause, ReconError, UsageError

if TYPE_CHECKING:
    import pycolmap

_EXIF_ORIENTATION = 0x0112
_MIRRORED = (2, 4, 5, 7)


def registered_images(model: pycolmap.Reconstruction) -> list[pycolmap.Image]:
    """Return the registered images of a model by name."""
    return sorted((model.image(image_id) for image_id in model.reg_image_ids()), key=lambda image: image.name)


def check_names_inside(names: Iterable[str]) -> None:
    """Refuse names that as paths would lead out of the folder they are put in.

    Raises:
        UsageError: BAD_VALUE, naming the first.
    """
    for name in names:
        if "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
            raise UsageError(
                f"the model calls a photo {name!r}, which is no path inside a folder",
                code=Cause.BAD_VALUE,
                file=name,
                try_="rename that photo and map again; a model from elsewhere may be an attack",
            )


def find_photo_files(names: Iterable[str], folder: Path) -> dict[str, Path]:
    """Return the file of each photo of a model; names are compared in Unicode NFC.

    Raises:
        UsageError: MISSING_FILE, naming the first that is not there; BAD_VALUE for a name that leads elsewhere.
    """
    names = list(names)
    check_names_inside(names)
    files = {name: folder / name for name in names}
    missing = [name for name, path in files.items() if not path.is_file()]
    if missing:
        composed = _files_by_composed_name(folder)
        files |= {name: composed[name] for name in missing if name in composed}
        missing = [name for name in missing if name not in composed]
    if missing:
        raise UsageError(
            f"{len(missing)} of the model's {len(names)} photos are not in {folder}, the first is {missing[0]!r}",
            code=Cause.MISSING_FILE,
            file=str(folder / missing[0]),
            try_="say with --photos DIR where the photos are now",
        )
    return files


def _files_by_composed_name(folder: Path) -> dict[str, Path]:
    found = {}
    for directory, _, files in os.walk(folder):
        for file in files:
            path = Path(directory) / file
            found[unicodedata.normalize("NFC", path.relative_to(folder).as_posix())] = path
    return found


def photo_size(path: Path) -> tuple[int, int]:
    """Return width and height of a photo as stored, from its header.

    Raises:
        ReconError: UNREADABLE.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def is_turned(path: Path) -> bool:
    """Return whether EXIF asks viewers to turn or mirror a photo.

    Raises:
        ReconError: UNREADABLE.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return bool(picture.getexif().get(_EXIF_ORIENTATION, 1) != 1)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def is_mirrored(path: Path) -> bool:
    """Return whether EXIF says that a photo is stored mirrored, so that its file does not show what its model saw.

    Raises:
        ReconError: UNREADABLE.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return bool(picture.getexif().get(_EXIF_ORIENTATION) in _MIRRORED)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def read_photo(path: Path) -> tuple[UInt8Array, bytes | None]:
    """Return (H, W, 3) uint8 RGB sensor pixels, and the colour profile where there is one; transparent is black.

    Raises:
        ReconError: UNREADABLE.
    """
    pixels, profile = _read_stored(path)
    return np.ascontiguousarray(pixels[:, ::-1]) if is_mirrored(path) else pixels, profile


def _read_stored(path: Path) -> tuple[UInt8Array, bytes | None]:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            profile = picture.info.get("icc_profile") if picture.mode == "RGB" else None
            if picture.mode.startswith("I;16"):
                eight_bits = (np.asarray(picture) >> 8).astype(np.uint8)
                return np.repeat(eight_bits[..., None], 3, axis=2), None
            if "A" in picture.getbands() or "transparency" in picture.info:
                seen = picture.convert("RGBA")
                black = Image.new("RGBA", seen.size, (0, 0, 0, 255))
                return np.array(Image.alpha_composite(black, seen).convert("RGB")), None
            return np.array(picture.convert("RGB")), profile
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def save_photo(pixels: UInt8Array, path: Path, profile: bytes | None, jpeg_quality: int) -> None:
    """Write (H, W, 3) RGB pixels in the format of the path's suffix, without EXIF.

    Raises:
        UsageError: BAD_VALUE for a suffix that cannot be written.
        OSError: The file cannot be written.
    """
    from PIL import Image

    Image.init()
    file_format = Image.registered_extensions().get(path.suffix.lower())
    if file_format not in ("JPEG", "PNG", "TIFF", "WEBP", "BMP"):
        raise UsageError(
            f"photos of the format {path.suffix or 'without a suffix'} cannot be written: {path.name}",
            code=Cause.BAD_VALUE,
            file=path.name,
            try_="convert the photos to JPEG or PNG, and make the model from those",
        )
    how: dict[str, Any] = {}
    if file_format == "JPEG":
        how["quality"] = jpeg_quality
    if file_format == "WEBP":
        how["lossless"] = True
    if profile and file_format != "BMP":
        how["icc_profile"] = profile
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, file_format, **how)


def check_photo_size(name: str, size: tuple[int, int], camera: pycolmap.Camera) -> None:
    """Refuse a photo that is not of its camera's size.

    Raises:
        UsageError: BAD_VALUE.
    """
    if size != (camera.width, camera.height):
        raise UsageError(
            f"the photo {name} is {size[0]}x{size[1]} px, and the model was made of {camera.width}x{camera.height} px",
            code=Cause.BAD_VALUE,
            file=name,
            try_="give the photos that the model was made of, unchanged, with --photos DIR",
        )


def _unreadable(path: Path, error: Exception) -> ReconError:
    return ReconError(
        f"the photo {path} cannot be read: {error}",
        code=Cause.UNREADABLE,
        file=str(path),
        try_="copy it again from where it came, or say with --photos DIR where a whole one is",
    )
