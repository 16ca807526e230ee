"""Reads of a photo file what can be known before its pixels are decoded: size, orientation, EXIF, digest."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from recon.core.data import Exif, ImageFile
from recon.core.errors import Cause
from recon.matching.exif import read_exif, read_orientation
from recon.matching.formats import (
    UnknownFormat,
    decoding_errors,
    embedded_exif,
    is_cut_short,
    open_header,
    stored_size,
)
from recon.matching.unreadable import UnreadableImage

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile as PillowFile

MAX_PIXELS = 256_000_000
MIN_SIDE_PX = 16
"""Below this no keypoint has a neighbourhood to be described by."""

COPY_AGAIN = "copy the photo from the camera or card again, or remove it"


def read_header(path: Path, name: str) -> ImageFile:
    """Return what a photo file says of itself; its content is read once and not decoded.

    Raises:
        UnreadableImage: No regular file, empty, truncated, of no known format, too small or too large.
    """
    try:
        # Asked before opening: to open a pipe would wait for its writer.
        is_regular = stat.S_ISREG(path.stat().st_mode)
        if not is_regular:
            raise UnreadableImage(name, "it is not a regular file", "remove it from the folder")
        with path.open("rb") as stream:
            return _read_header(stream, path, name)
    except UnknownFormat as error:
        raise UnreadableImage(name, str(error), error.try_) from error
    except FileNotFoundError as error:
        raise UnreadableImage(name, "it is a link to a file that does not exist", "mend or remove the link") from error
    except PermissionError as error:
        raise UnreadableImage(name, "this user may not read it", f"chmod u+r '{path}'") from error
    except decoding_errors() as error:
        raise UnreadableImage(name, f"its header is damaged ({error or type(error).__name__})", COPY_AGAIN) from error


def _read_header(stream: BinaryIO, path: Path, name: str) -> ImageFile:
    if os.fstat(stream.fileno()).st_size == 0:
        raise UnreadableImage(name, "the file is empty (0 bytes)", COPY_AGAIN)
    picture = open_header(stream)
    width, height = stored_size(picture)
    _check_size(width, height, name)
    stream.seek(0)
    data = stream.read()
    if is_cut_short(picture, data):
        raise UnreadableImage(name, f"the file is truncated: its end is missing after {len(data):,} bytes", COPY_AGAIN)
    orientation, exif = _read_tags(picture, data)
    return ImageFile(
        name=name,
        path=path,
        width=width,
        height=height,
        orientation=orientation,
        digest=hashlib.sha256(data).hexdigest(),
        exif=exif,
    )


def _check_size(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_SIDE_PX:
        detail = f"{width}x{height} pixels are too few: both sides need at least {MIN_SIDE_PX}"
        raise UnreadableImage(name, detail, "take the photo at its full size, or remove it")
    if width * height > MAX_PIXELS:
        megapixels, limit = width * height / 1e6, MAX_PIXELS // 1_000_000
        detail = f"{width}x{height} are {megapixels:,.0f} megapixels, and at most {limit} can be read"
        raise UnreadableImage(name, detail, "resize it, or cut it into several photos", code=Cause.TOO_LARGE)


def _read_tags(picture: PillowFile, data: bytes) -> tuple[int, Exif]:
    try:
        tags = embedded_exif(picture, data)
        return read_orientation(tags), read_exif(tags)
    except decoding_errors():  # the pixels are worth having without it
        return 1, Exif()
