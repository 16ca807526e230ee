"""Decides which photos were taken with one camera, and says why in a sentence.

A camera here is a sensor size with one set of intrinsics, so that a lens or a zoom of its own makes another.
Sizes are those of the sensor pixels as stored: EXIF's orientation plays no part.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError


class Grouping(StrEnum):
    """How photos are assigned to cameras."""

    AUTO = "auto"
    """By what EXIF says."""
    SINGLE = "single"
    PER_IMAGE = "per-image"
    PER_FOLDER = "per-folder"


@dataclass(frozen=True, slots=True)
class SharedCameras:
    """The photos of each camera."""

    groups: tuple[tuple[ImageFile, ...], ...]
    """By the first photo of each."""
    reason: str
    """Who shares a camera and why, in a sentence."""


def share_cameras(images: Sequence[ImageFile], grouping: Grouping, *, has_given_params: bool) -> SharedCameras:
    """Return which photos share a camera.

    Raises:
        UsageError: Photos of different sizes are to share one.
    """
    match grouping:
        case Grouping.SINGLE:
            groups = _group_by(images, lambda image: None)
            reason = f"{_photos(images)} share one camera, as told"
        case Grouping.PER_FOLDER:
            groups = _group_by(images, lambda image: PurePosixPath(image.name).parent)
            reason = f"{_photos(images)} have {_cameras(groups)}, one a folder, as told"
        case Grouping.PER_IMAGE:
            groups = _group_by(images, lambda image: image.name)
            reason = f"{_photos(images)} have a camera each, as told"
        case Grouping.AUTO if has_given_params:
            groups = _group_by(images, _size)
            reason = f"{_photos(images)} have {_cameras(groups)}, one a size: the parameters are given"
        case Grouping.AUTO:
            return _share_by_exif(images)
    for group in groups:
        option = "--single-camera" if grouping is Grouping.SINGLE else "--camera-per-folder"
        check_one_size(group, f"leave out {option}, or use the photos of one size (--image-list)")
    return SharedCameras(groups, reason)


def _share_by_exif(images: Sequence[ImageFile]) -> SharedCameras:
    photos = _photos(images)
    if len(images) == 1:
        return SharedCameras(_group_by(images, _size), "1 photo has one camera")
    nobody_is_named = not any(image.exif.make or image.exif.model for image in images)
    if nobody_is_named and len(_group_by(images, _lens_setting)) == 1:
        says_something = any(_lens_setting(images[0])[1:])
        why = "EXIF names no make or model, but size, lens and focal length are the same"
        return SharedCameras(
            _group_by(images, _size),
            f"{photos} share one camera: {why if says_something else 'none has EXIF, and all are of one size'}",
        )
    groups = _group_by(images, _camera_key)
    unknown = [image for image in images if not _is_known(image)]
    known_groups = len(groups) - len(unknown)
    if not unknown:
        names_lens = any(image.exif.lens for image in images)
        same = "size, make, model, lens and focal length" if names_lens else "size, make, model and focal length"
        if len(groups) == 1:
            no_lens = "" if names_lens else " (EXIF names no lens)"
            return SharedCameras(groups, f"{photos} share one camera: same {same}{no_lens}")
        return SharedCameras(groups, f"{photos} have {_cameras(groups)}, one for each {same}")
    why = _why_unknown(unknown)
    if known_groups == 0:
        return SharedCameras(groups, f"{photos} have a camera each: {why}")
    rest = f"{_photos(unknown)} {'have a camera each' if len(unknown) > 1 else 'has its own'}: {why}"
    return SharedCameras(groups, f"{photos} have {_cameras(groups)}, by what EXIF says; {rest}")


def _is_known(image: ImageFile) -> bool:
    exif = image.exif
    return bool(exif.make and exif.model and (exif.focal_length_mm or exif.focal_length_35mm_mm))


def _camera_key(image: ImageFile) -> Hashable:
    # A lens that no photo names does not keep them apart: cameras with a fixed lens, and older ones, write none.
    return (image.exif.make, image.exif.model, *_lens_setting(image)) if _is_known(image) else image.name


def _lens_setting(image: ImageFile) -> tuple[Hashable, ...]:
    exif = image.exif
    return _size(image), exif.lens, exif.focal_length_mm, exif.focal_length_35mm_mm, exif.digital_zoom


def _why_unknown(images: Sequence[ImageFile]) -> str:
    if not any(image.exif.make or image.exif.model or any(_lens_setting(image)[1:]) for image in images):
        return "without EXIF" if len(_group_by(images, _size)) == 1 else "no EXIF, and of different sizes"
    return "EXIF lacks make, model or focal length"


def _group_by(images: Sequence[ImageFile], key: Callable[[ImageFile], Hashable]) -> tuple[tuple[ImageFile, ...], ...]:
    groups: dict[Hashable, list[ImageFile]] = {}
    for image in images:
        groups.setdefault(key(image), []).append(image)
    return tuple(tuple(group) for group in groups.values())


def check_one_size(group: Sequence[ImageFile], try_: str) -> None:
    """Refuse photos of different sizes.

    Raises:
        UsageError: USAGE, naming the first of another size.
    """
    first = group[0]
    for image in group:
        if _size(image) != _size(first):
            raise UsageError(
                f"{first.name} has {first.width}x{first.height} pixels and {image.name} {image.width}x{image.height}: "
                "they cannot share a camera",
                code=Cause.USAGE,
                file=image.name,
                try_=try_,
            )


def _size(image: ImageFile) -> tuple[int, int]:
    return image.width, image.height


def _photos(images: Sequence[ImageFile]) -> str:
    return f"{len(images)} photo" + ("s" if len(images) != 1 else "")


def _cameras(groups: Sequence[Sequence[ImageFile]]) -> str:
    return f"{len(groups)} cameras" if len(groups) != 1 else "one camera"
