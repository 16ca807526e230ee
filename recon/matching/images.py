"""The photos of a run: listed once, and decoded by the one loader of every plugin.

Geometry lives in sensor pixels as stored; EXIF's orientation and `--max-size` shape only what the extractor
sees, and `to_sensor_pixels` undoes both. A mask is brought into the pixels that are seen. Transparent pixels
become black; 16 bits become 8 by the range that a photo uses; CMYK is converted without colour profiles.
"""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recon.core.data import Image, ImageFile
from recon.matching.eight_bits import over_black, to_eight_bits
from recon.matching.formats import (
    UnknownFormat,
    bits_per_sample,
    decoding_errors,
    open_header,
    stored_size,
    without_orientation,
)
from recon.matching.headers import COPY_AGAIN
from recon.matching.listing import ImageListing, list_images
from recon.matching.mask_pixels import load_mask
from recon.matching.orientation import from_sensor_pixels, is_sideways, to_sensor_pixels
from recon.matching.unreadable import UnreadableImage

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile as PillowFile

__all__ = [
    "ImageListing",
    "UnreadableImage",
    "from_sensor_pixels",
    "list_images",
    "load_image",
    "seen_size",
    "to_sensor_pixels",
]

Pixels = npt.NDArray[Any]
"""(H, W), (H, W, 3) or (H, W, 4) of any depth, OpenCV's channel order: blue, green, red, opacity."""

_LARGE_PIXELS = 64_000_000
_one_large_photo_at_a_time = threading.Lock()
"""Bounds memory: decoded whole, 256 megapixels take 0.8 GB in 8 bits and 1.5 GB in 16."""


def seen_size(image: ImageFile, max_size: int | None) -> tuple[int, int]:
    """Return width and height of a photo as the extractor sees it: upright, never enlarged."""
    width, height = _resized_size(image, max_size)
    return (height, width) if is_sideways(image.orientation) else (width, height)


def _resized_size(image: ImageFile, max_size: int | None) -> tuple[int, int]:
    longer = max(image.width, image.height)
    if max_size is None or longer <= max_size:
        return image.width, image.height
    return max(1, round(image.width * max_size / longer)), max(1, round(image.height * max_size / longer))


def load_image(image: ImageFile, max_size: int | None) -> Image:
    """Return a photo as the extractor sees it: 8-bit RGB, upright, the longer side at most `max_size` pixels.

    Raises:
        UnreadableImage: The file is damaged, or is no longer the one that was listed.
        UsageError: The pixels of its mask cannot be decoded.
    """
    import cv2

    damaged: tuple[type[Exception], ...] = (cv2.error, UnknownFormat, *decoding_errors())
    try:
        pixels = _decode_and_resize(image, max_size)
    except (FileNotFoundError, PermissionError) as error:
        detail = f"it cannot be opened any more ({error.strerror})"
        raise UnreadableImage(image.name, detail, "put it back and run again") from error
    except damaged as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UnreadableImage(image.name, f"its pixels cannot be decoded ({reason[-1]})", COPY_AGAIN) from error
    colours = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB)
    return Image(image.name, _upright(colours, image.orientation), _mask_as_seen(image, max_size))


def _mask_as_seen(image: ImageFile, max_size: int | None) -> Pixels | None:
    if image.mask is None:
        return None
    if image.mask.is_upright:
        return load_mask(image.mask, seen_size(image, max_size))
    return _upright(load_mask(image.mask, _resized_size(image, max_size)), image.orientation)


def _decode_and_resize(image: ImageFile, max_size: int | None) -> Pixels:
    """Return (H, W) grey or (H, W, 3) blue, green, red: sensor pixels, resized."""
    data = image.path.read_bytes()
    picture = open_header(io.BytesIO(data))
    if picture.format == "TIFF":
        data = without_orientation(data)
        picture = open_header(io.BytesIO(data))
    if stored_size(picture) != (image.width, image.height):
        raise ValueError("the file changed while the run went on")
    size = _resized_size(image, max_size)
    is_plain_jpeg = picture.format == "JPEG" and picture.mode in ("L", "RGB")
    reduction = _reduction(image, size) if is_plain_jpeg else 1
    is_large = image.width * image.height > _LARGE_PIXELS * reduction**2
    with _one_large_photo_at_a_time if is_large else nullcontext():
        pixels = _decode_jpeg(data, reduction) if is_plain_jpeg else _decode(data, picture)
        return _resize(pixels, image, reduction, size)


def _reduction(image: ImageFile, size: tuple[int, int]) -> int:
    """Return 8, 4 or 2 where libjpeg may decode at that fraction of the size, else 1."""
    for reduction in (8, 4, 2):
        is_exact = image.width % reduction == 0 and image.height % reduction == 0
        # A little room above, so that what is not exact is resampled and not copied.
        margin = 1.0 if is_exact else 1.02
        if max(image.width, image.height) >= reduction * margin * max(size):
            return reduction
    return 1


def _decode_jpeg(data: bytes, reduction: int) -> Pixels:
    import cv2

    flag = {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }[reduction]
    pixels: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ValueError("the JPEG data is truncated or damaged")
    return pixels


def _decode(data: bytes, picture: PillowFile) -> Pixels:
    """Return the pixels of any other file, (H, W) grey or (H, W, 3) blue, green, red."""
    pixels = _decode_with_opencv(data) if _is_for_opencv(picture, data) else None
    if pixels is None:
        pixels = _decode_with_pillow(picture)
    if pixels.ndim == 3 and pixels.shape[2] not in (3, 4):
        raise ValueError(f"{pixels.shape[2]} channels are neither grey nor colour")
    pixels = to_eight_bits(pixels)
    return over_black(pixels) if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels


def _is_for_opencv(picture: PillowFile, data: bytes) -> bool:
    """Return whether OpenCV decodes a file faster than Pillow (PNG, WebP), or as Pillow cannot."""
    from PIL import Image as PillowImage

    if picture.format in ("PNG", "WEBP"):
        return True
    if picture.format != "TIFF" or picture.mode not in ("L", "RGB", "RGBA"):
        return False
    # Pillow cuts 16-bit colour down to 8, and refuses very large files.
    is_large = picture.width * picture.height > (PillowImage.MAX_IMAGE_PIXELS or _LARGE_PIXELS)
    return is_large or bits_per_sample(picture, data) > 8


def _decode_with_opencv(data: bytes) -> Pixels | None:
    import cv2

    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    pixels: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return pixels


def _decode_with_pillow(picture: PillowFile) -> Pixels:
    if picture.mode == "1" or picture.mode in ("L", "F") or picture.mode.startswith("I"):
        return np.asarray(picture)
    is_transparent = "A" in picture.getbands() or "transparency" in picture.info
    colours = np.asarray(picture.convert("RGBA" if is_transparent else "RGB"))
    return colours[..., [2, 1, 0, 3][: colours.shape[2]]]


def _resize(pixels: Pixels, image: ImageFile, reduction: int, size: tuple[int, int]) -> Pixels:
    import cv2

    if reduction == 1:
        if size == (image.width, image.height):
            return pixels
        resized: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return resized
    # A pixel of a reduced JPEG is exactly `reduction` wide, so that the last ones may reach over the photo's
    # edge: scale by the photo's size and not by theirs, and cut off what lies beyond.
    width, height = size
    x_scale, y_scale = width * reduction / image.width, height * reduction / image.height
    reached: Pixels = cv2.resize(pixels, None, fx=x_scale, fy=y_scale, interpolation=cv2.INTER_AREA)
    return reached[:height, :width]


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Return the pixels as EXIF's orientation wants them shown."""
    import cv2

    if is_sideways(orientation):
        pixels = cv2.transpose(pixels)
    # What is left to do after the transposition, if any: mirror (1), flip (0), or both (-1).
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if flip is None else cv2.flip(pixels, flip)
