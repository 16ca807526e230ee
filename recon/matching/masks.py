"""Which mask belongs to which photo: by COLMAP's name, photo.jpg.png, or the plain one, photo.png.

A mask has the size of the photo as stored, or, where only that fits, as it is shown upright; one of the same
shape and another size is resized.
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from recon.core.counting import counted
from recon.core.data import ImageFile, MaskFile
from recon.core.errors import Cause, UsageError
from recon.matching.folder import find_photos
from recon.matching.formats import UnknownFormat, decoding_errors, open_header, stored_size
from recon.matching.headers import MAX_PIXELS
from recon.matching.listing import ImageListing
from recon.matching.mask_pixels import load_mask, unreadable_mask
from recon.matching.orientation import is_sideways

_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".webp", ".jpg", ".jpeg")
"""In this order, where a photo has several masks."""
_ALMOST_ALL = 0.95
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class MaskReport:
    """What the masks of a photo set leave out, in sentences."""

    summary: str
    warnings: tuple[str, ...]


def with_masks(listing: ImageListing, photos: Path, folder: Path, executor: Executor | None = None) -> ImageListing:
    """Return the listing with each photo's mask, without the masks that lie among the photos themselves.

    Args:
        photos: The photos' folder.
        executor: Where the files are read; None reads them one after the other.

    Raises:
        UsageError: There is no such folder; it holds no mask of any photo; a mask is no picture, or of another shape
            than its photo.
    """
    found = _find_masks(folder)
    are_together = folder.resolve() == photos.resolve()
    inside = _place_within(folder, photos)
    images = [image for image in listing.images if not _is_below(image.name, inside)]
    paths = {image.name: _mask_of(image, found, are_together) for image in images}
    used = {path for path in paths.values() if path is not None}
    if not used:
        raise _no_match(folder, found, images)
    images = [image for image in images if image.path not in used]
    read = map if executor is None else executor.map
    masked = tuple(read(_with_mask, images, [paths[image.name] for image in images]))
    unusable = tuple(each for each in listing.unusable if not _is_below(each.image, inside))
    return ImageListing(images=masked, unusable=unusable)


def report_masks(images: Sequence[ImageFile], executor: Executor | None = None) -> MaskReport:
    """Return how much of the photos is masked; every mask is decoded for it.

    Raises:
        UsageError: CORRUPT_FILE, a mask cannot be decoded.
    """
    masks = {image.name: image.mask for image in images if image.mask is not None}
    read = map if executor is None else executor.map
    shares = dict(zip(masks, read(_ignored_share, masks.values()), strict=True))
    share = sum(shares.values()) / max(1, len(shares))
    without = [image.name for image in images if image.mask is None]
    resized = [name for name, mask in masks.items() if not _has_size_of(mask, _image(images, name))]
    parts = [f"masks: 0 = ignored; {share:.0%} of the pixels of {counted(len(masks), 'photo')} are masked"]
    if without:
        parts.append(
            f"{counted(len(without), 'photo')} {'have' if len(without) > 1 else 'has'} no mask ({_some(without)})"
        )
    if resized:
        parts.append(f"{len(resized)} of another size than the photo are resized ({_some(resized)})")
    warnings = []
    if share > _ALMOST_ALL:
        warnings.append(
            f"the masks leave only {1 - share:.1%} of the pixels: perhaps they mean the opposite. Here 0 (black) is "
            "ignored and everything else is used; invert the masks if black marks what to keep"
        )
    empty = [name for name, ignored in shares.items() if ignored == 1]
    if empty:
        warnings.append(f"the masks of {counted(len(empty), 'photo')} ignore every pixel ({_some(empty)})")
    return MaskReport("; ".join(parts), tuple(warnings))


def _find_masks(folder: Path) -> Mapping[str, Path]:
    """Return mask files by their name below the folder, in lower case too where that is no other file's."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(
            f"the masks' folder {folder} {what}",
            code=Cause.MISSING_FILE,
            file=str(folder),
            try_="give the folder that holds a mask photo.jpg.png, or photo.png, for each photo.jpg",
        )
    exact = find_photos(folder).paths
    return {name.lower(): path for name, path in exact.items()} | exact


def _mask_of(image: ImageFile, found: Mapping[str, Path], are_together: bool) -> Path | None:
    for name in _expected_names(image.name, are_together):
        path = found.get(name) or found.get(name.lower())
        if path is not None and path != image.path:
            return path
    return None


def _expected_names(name: str, are_together: bool = False) -> Iterable[str]:
    """Return the names that a photo's mask may have; a plain one could be another photo where all lie together."""
    stem = str(PurePosixPath(name).with_suffix(""))
    for beginning in (name, f"{stem}_mask") if are_together else (name, stem, f"{stem}_mask"):
        yield from (beginning + suffix for suffix in _SUFFIXES)


def _with_mask(image: ImageFile, path: Path | None) -> ImageFile:
    return image if path is None else replace(image, mask=_read_mask(path, image))


def _read_mask(path: Path, image: ImageFile) -> MaskFile:
    damaged: tuple[type[Exception], ...] = (UnknownFormat, *decoding_errors())
    try:
        data = path.read_bytes()
        width, height = stored_size(open_header(io.BytesIO(data)))
    except damaged as error:
        raise unreadable_mask(path, str(error)) from error
    if width * height > MAX_PIXELS:
        raise unreadable_mask(path, f"{width}x{height} pixels are too many")
    mask = MaskFile(path, width, height, hashlib.sha256(data).hexdigest())
    for fits in (_is_size, _has_shape):
        if fits((width, height), (image.width, image.height)):
            return mask
        if is_sideways(image.orientation) and fits((width, height), (image.height, image.width)):
            return replace(mask, is_upright=True)
    raise UsageError(
        f"the mask {path} has {width}x{height} pixels, and {image.name} has {image.width}x{image.height}",
        code=Cause.BAD_VALUE,
        file=str(path),
        try_="give a mask of the photo's size, or of the same shape: 0 where the photo is to be ignored",
    )


def _is_size(mask: tuple[int, int], photo: tuple[int, int]) -> bool:
    return mask == photo


def _has_shape(mask: tuple[int, int], photo: tuple[int, int]) -> bool:
    """Return whether one could be the other resized, its sides rounded."""
    (width, height), (photo_width, photo_height) = mask, photo
    return abs(height * photo_width - width * photo_height) <= max(photo_width, photo_height, width, height)


def _has_size_of(mask: MaskFile, image: ImageFile) -> bool:
    size = (mask.height, mask.width) if mask.is_upright else (mask.width, mask.height)
    return size == (image.width, image.height)


def _ignored_share(mask: MaskFile) -> float:
    return 1 - float((load_mask(mask, (mask.width, mask.height)) != 0).mean())


def _place_within(folder: Path, photos: Path) -> PurePosixPath | None:
    """Return where a folder lies below the photos'; None where it does not."""
    inside, outside = folder.resolve(), photos.resolve()
    return PurePosixPath(inside.relative_to(outside)) if outside in inside.parents else None


def _is_below(name: str, place: PurePosixPath | None) -> bool:
    return place is not None and place in PurePosixPath(unicodedata.normalize("NFC", name)).parents


def _no_match(folder: Path, found: Mapping[str, Path], images: Sequence[ImageFile]) -> UsageError:
    count = len(set(found.values()))
    example = images[0].name if images else "photo.jpg"
    expected = f"{example}.png or {PurePosixPath(example).with_suffix('.png')}"
    what = f"none of the {count} pictures in {folder} is named like a photo" if count else f"{folder} holds no picture"
    return UsageError(
        f"{what}: the mask of {example} would be {expected}",
        code=Cause.MISSING_FILE,
        file=str(folder),
        try_="name the masks after the photos, in the same subfolders",
    )


def _image(images: Sequence[ImageFile], name: str) -> ImageFile:
    return next(image for image in images if image.name == name)


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
