"""The two photos and their masks, upright: read by the one loader of every command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.data import Image, ImageFile
from recon.core.errors import Cause, UsageError
from recon.matching.headers import read_header
from recon.matching.images import load_image, seen_size


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo file, and the file of its mask."""

    file: ImageFile
    mask: ImageFile | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, upright and full size."""
        return seen_size(self.file, None)

    def load(self, max_size: int | None) -> Image:
        """Return the photo upright, its longer side at most `max_size` pixels, with its mask.

        Raises:
            UnreadableImage: The pixels cannot be decoded.
        """
        image = load_image(self.file, max_size)
        return image if self.mask is None else Image(image.name, image.pixels, self._load_mask(image.size))

    def _load_mask(self, size: tuple[int, int]) -> UInt8Array:
        import cv2

        assert self.mask is not None
        mask = load_image(_turned_like(self.mask, self.file), None).pixels[..., 0]
        resized = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        return np.ascontiguousarray(resized, np.uint8)


def open_photo(path: Path, mask: Path | None) -> Photo:
    """Return a photo whose header has been read, and checked against its mask's.

    Raises:
        UsageError: A file does not exist, or the mask is of another size.
        UnreadableImage: A file is no picture that can be read.
    """
    photo = Photo(_read(path, "photo"), None if mask is None else _read(mask, "mask"))
    if photo.mask is not None:
        size = seen_size(_turned_like(photo.mask, photo.file), None)
        if size != photo.size:
            raise UsageError(
                f"the mask {mask} has {size[0]}x{size[1]} pixels, and {path} has {photo.size[0]}x{photo.size[1]}",
                code=Cause.BAD_VALUE,
                file=str(mask),
                try_="give a mask of the photo's size: 0 where the photo is to be ignored",
            )
    return photo


def _turned_like(mask: ImageFile, photo: ImageFile) -> ImageFile:
    """Return the mask to be turned as its photo is, where it has the size of the photo as stored."""
    is_as_stored = (mask.width, mask.height) == (photo.width, photo.height)
    return replace(mask, orientation=photo.orientation) if is_as_stored and mask.orientation == 1 else mask


def _read(path: Path, what: str) -> ImageFile:
    if not path.exists():
        raise UsageError(f"there is no {what} {path}", code=Cause.MISSING_FILE, file=str(path), try_="check the path")
    return read_header(path, str(path))
