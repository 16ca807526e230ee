"""The image formats that recon reads, told by a file's first bytes, and what can be known before decoding.

Pillow's classes are called one by one and not through `PIL.Image.open`, which would try every format it
knows and refuse large photos by a limit that only a global variable changes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from PIL.Image import Exif as PillowExif
    from PIL.ImageFile import ImageFile as PillowFile

PHOTO_SUFFIXES = frozenset(
    [
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".dib"),
        *(".heic", ".heif", ".hif", ".avif", ".gif", ".jp2"),
    ]
)
"""Files that the user takes for photos; one that cannot be read is reported, not passed over."""

RAW_SUFFIXES = frozenset(
    [
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".nef", ".nrw", ".orf", ".pef"),
        *(".raf", ".rw2", ".sr2", ".srw", ".x3f"),
    ]
)
"""Camera raw files: not read, and passed over where the same photo lies beside them in another format."""

_ORIENTATION_TAG = 0x0112
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


CONVERT = "convert it to JPEG, PNG or TIFF with the EXIF kept, or remove it"


class UnknownFormat(Exception):
    """The first bytes are those of no format that can be read here; translated where the name is known."""

    def __init__(self, message: str, try_: str) -> None:
        super().__init__(message)
        self.try_ = try_


def decoding_errors() -> tuple[type[Exception], ...]:
    """Return what Pillow and our own reading raise on damaged files, by experience."""
    from PIL.Image import DecompressionBombError

    return (
        *(OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
        *(struct.error, EOFError, RuntimeError, MemoryError, DecompressionBombError),
    )


def open_header(stream: BinaryIO) -> PillowFile:
    """Return the photo at the beginning of a stream, its pixels not yet decoded.

    Raises:
        UnknownFormat: None of the formats, or HEIC without its library.
    """
    head = stream.read(16)
    stream.seek(0)
    return _opener(head)(stream)


def _opener(head: bytes) -> Callable[[BinaryIO], PillowFile]:
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    if head.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TiffImagePlugin.TiffImageFile
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    if head.startswith(b"BM"):
        return BmpImagePlugin.BmpImageFile
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return _heic_opener()
    raise UnknownFormat("its content is no JPEG, PNG, TIFF, WebP, BMP or HEIC picture", CONVERT)


def _heic_opener() -> Callable[[BinaryIO], PillowFile]:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        detail = "HEIC needs the library pillow-heif, which is not installed"
        raise UnknownFormat(detail, f"pip install 'recon-sfm[heic]', or {CONVERT}") from error
    opener: Callable[[BinaryIO], PillowFile] = HeifImageFile
    return opener


def stored_size(picture: PillowFile) -> tuple[int, int]:
    """Return width and height as stored; Pillow's `size` of a TIFF is that of the upright picture."""
    if picture.format == "TIFF":
        return int(picture.tag_v2[256]), int(picture.tag_v2[257])  # type: ignore[attr-defined]
    return picture.size


def bits_per_sample(picture: PillowFile, data: bytes) -> int:
    """Return the bits of one channel of a PNG or TIFF; 8 for every other format."""
    if picture.format == "PNG":
        return data[24]
    if picture.format == "TIFF":
        return int(max(picture.tag_v2.get(258, (1,))))  # type: ignore[attr-defined]
    return 8


def is_cut_short(picture: PillowFile, data: bytes) -> bool:
    """Return whether the end of the file is missing, as far as that shows without decoding."""
    if picture.format == "JPEG":
        return data.rfind(b"\xff\xd9") < _jpeg_pixels_start(data)
    if picture.format == "PNG":
        return b"IEND" not in data
    if picture.format == "WEBP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if picture.format == "TIFF":
        # Where the strips or tiles begin; the lengths that old programs write are not to be trusted.
        tags = picture.tag_v2  # type: ignore[attr-defined]
        return any(start >= len(data) for start in tags.get(273, tags.get(324, ())))
    return False


def _jpeg_pixels_start(data: bytes) -> int:
    """Return where the pixels begin: behind the thumbnails, which have end markers of their own."""
    position = 2
    while data[position : position + 1] == b"\xff":
        marker = data[position + 1]
        if marker == 0xDA:
            return position
        position += 1 if marker == 0xFF else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return 0


def embedded_exif(picture: PillowFile, data: bytes) -> PillowExif:
    """Return the EXIF tags of a photo; empty where it has none."""
    from PIL.Image import Exif

    if picture.format != "PNG" or {"exif", "Raw profile type exif"} & picture.info.keys():
        return picture.getexif()
    # Pillow would decode the whole PNG to find a chunk that may stand at its end.
    tags = Exif()
    start = data.find(b"eXIf")
    if start >= 4:
        length = int.from_bytes(data[start - 4 : start], "big")
        tags.load(b"Exif\0\0" + data[start + 4 : start + 4 + length])
    return tags


def without_orientation(tiff: bytes) -> bytes:
    """Return a TIFF file whose orientation tag says upright.

    Pillow and OpenCV turn a TIFF while they decode it, unlike any other format and whatever they are told.
    """
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"

    def number(start: int, length: int) -> int:
        return int.from_bytes(tiff[start : start + length], order)

    is_big_tiff = number(2, 2) == 43
    count_bytes, entry_bytes, value_offset = (8, 20, 12) if is_big_tiff else (2, 12, 8)
    directory = number(8, 8) if is_big_tiff else number(4, 4)
    first = directory + count_bytes
    for entry in range(first, min(first + number(directory, count_bytes) * entry_bytes, len(tiff)), entry_bytes):
        if number(entry, 2) == _ORIENTATION_TAG:
            value_bytes = 4 if number(entry + 2, 2) == 4 else 2  # LONG or SHORT
            upright = bytearray(tiff)
            value = entry + value_offset
            upright[value : value + value_bytes] = (1).to_bytes(value_bytes, order)
            return bytes(upright)
    return tiff
