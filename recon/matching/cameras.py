"""The cameras of a photo set: which photos share one, its intrinsics to begin with, and where they came from.

Parameters have COLMAP's order and pixel origin: the principal point of a photo is half its width and height.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.matching.camera_params import check_fits_photo, check_params, known_model
from recon.matching.focal_lengths import exif_focal_length
from recon.matching.given_camera import GivenCamera
from recon.matching.given_cameras import given_cameras
from recon.matching.grouping import Grouping, check_one_size, share_cameras
from recon.matching.intrinsics import (
    FISHEYE_DIAGONAL_RAD,
    FOCAL_FACTOR_WITHOUT_EXIF,
    SPHERE,
    CameraGroup,
    CameraGrouping,
    CameraOptions,
    FocalSource,
)
from recon.matching.rigs import RigCamera, read_rigs

if TYPE_CHECKING:
    import pycolmap

__all__ = ["CameraGroup", "CameraGrouping", "CameraOptions", "FocalSource", "Grouping", "group_cameras"]

DEFAULT_MODEL = "SIMPLE_RADIAL"  # as COLMAP's
_PARAMS_OPTION = "--camera-params"
_WIDE_LENSES = {"FOV": (0.9,), "EUCM": (0.5, 1.0)}
"""Models that can be fisheyes, and distortions in the middle of those: from an ideal lens the adjustment does not find
there. Points seen by lenses of 125 to 190 degrees gave the true parameters back from these."""


def group_cameras(images: Sequence[ImageFile], options: CameraOptions) -> CameraGrouping:
    """Return the cameras of the photos, numbered by their first photo.

    Raises:
        UsageError: No such camera model, a file of cameras that cannot be read or contradicts a photo, parameters
            that do not fit their model or a photo, or photos of different sizes that are told to share a camera.
    """
    model = known_model(options.model or DEFAULT_MODEL)
    if options.params is not None:
        check_params(model, options.params, _PARAMS_OPTION)
    rigs = [] if options.rigs is None else read_rigs(options.rigs, images)
    given = {} if options.file is None else _given(options, images)
    for camera in rigs:
        given |= _given_in_rig(camera, given)
    groups: list[tuple[Sequence[ImageFile], GivenCamera | None]] = []
    groups += [(group, params) for params, group in _by_camera(images, given).items()]
    reasons = [_describe_given(len(given), len(groups), options)] if given else []
    in_rigs = [camera.images for camera in rigs if camera.images[0].name not in given]
    for group in in_rigs:
        check_one_size(group, "leave out --rigs, or correct its prefixes")
    if in_rigs:
        groups += [(group, None) for group in in_rigs]
        reasons.append(f"{sum(map(len, in_rigs))} photos have {len(in_rigs)} cameras of rigs")
    named = {image.name for group, _ in groups for image in group}
    rest = [image for image in images if image.name not in named]
    if rest or not groups:
        shared = share_cameras(rest, options.grouping, has_given_params=options.params is not None)
        groups += [(group, None) for group in shared.groups]
        reasons.append(f"the others are not in it: {shared.reason}" if groups and reasons else shared.reason)
    place = {image.name: number for number, image in enumerate(images)}
    groups.sort(key=lambda group: place[group[0][0].name])
    cameras = tuple(_make_group(number, *group, model, options) for number, group in enumerate(groups, 1))
    return CameraGrouping(cameras, "; ".join(reasons))


def _describe_given(num_photos: int, num_cameras: int, options: CameraOptions) -> str:
    who = f"{num_photos} photos have" if num_photos > 1 else "1 photo has"
    cameras = f"{num_cameras} cameras" if num_cameras > 1 else "one camera"
    return f"{who} {cameras} given in {options.file or options.rigs}"


def _given_in_rig(camera: RigCamera, given: Mapping[str, GivenCamera]) -> dict[str, GivenCamera]:
    """Return the intrinsics that the photos of a rig's camera share, where a file gives them."""
    known = {given[image.name] for image in camera.images if image.name in given}
    if camera.params is not None:
        known.add(camera.params)
    if len(known) > 1:
        raise UsageError(
            f"the photos that begin with {camera.prefix!r} are of one camera, and {len(known)} are given for them",
            code=Cause.BAD_VALUE,
            file=camera.images[0].name,
            try_="give the intrinsics of a rig's camera once, in --rigs or in --cameras",
        )
    return {image.name: one for one in known for image in camera.images}


def _given(options: CameraOptions, images: Sequence[ImageFile]) -> dict[str, GivenCamera]:
    if options.params is not None or options.file is None:
        raise UsageError(
            f"--cameras and {_PARAMS_OPTION} both give the intrinsics",
            code=Cause.BAD_VALUE,
            try_="leave one of them out",
        )
    given = given_cameras(options.file, images)
    return given if options.grouping is not Grouping.AUTO else {**_of_same_cameras(images, given), **given}


def _of_same_cameras(images: Sequence[ImageFile], given: Mapping[str, GivenCamera]) -> dict[str, GivenCamera]:
    """Return the given camera of photos that no file names, where EXIF says that it took them, too."""
    found = {}
    for group in share_cameras(images, Grouping.AUTO, has_given_params=False).groups:
        cameras = {given[image.name] for image in group if image.name in given}
        if len(cameras) == 1 and group[0].exif.make and group[0].exif.model:
            found.update(dict.fromkeys((image.name for image in group), cameras.pop()))
    return found


def _by_camera(images: Sequence[ImageFile], given: Mapping[str, GivenCamera]) -> dict[GivenCamera, list[ImageFile]]:
    groups: dict[GivenCamera, list[ImageFile]] = {}
    for image in images:
        if image.name in given:
            groups.setdefault(given[image.name], []).append(image)
    return groups


def _make_group(
    camera_id: int, images: Sequence[ImageFile], given: GivenCamera | None, model: str, options: CameraOptions
) -> CameraGroup:
    first = images[0]
    is_given = given is not None or options.params is not None
    if given is not None:
        camera = _with_params(given.model, given.params, first, given.origin)
        source = FocalSource.GIVEN
    elif options.params is not None:
        camera = _with_params(model, options.params, first, _PARAMS_OPTION)
        source = FocalSource.GIVEN
    else:
        camera, source = _estimated(model, images)
    return CameraGroup(
        camera_id=camera_id,
        model=camera.model_name,
        width=first.width,
        height=first.height,
        params=tuple(float(value) for value in camera.params),
        focal_source=source,
        # Two fisheye photos are related by their rays only, for which any focal length will do to begin with.
        has_prior_focal_length=source is not FocalSource.DEFAULT,
        is_fixed=is_given if options.refine_intrinsics is None else not options.refine_intrinsics,
        image_names=tuple(image.name for image in images),
    )


def _with_params(model: str, params: Sequence[float], image: ImageFile, origin: str) -> pycolmap.Camera:
    camera = _pycolmap_camera(model, float(max(image.width, image.height)), image)
    camera.params = list(params)
    check_fits_photo(camera, image, origin)
    return camera


def _estimated(model: str, images: Sequence[ImageFile]) -> tuple[pycolmap.Camera, FocalSource]:
    """Return a camera with the focal length of photos that share it: the median of what EXIF says, or a guess."""
    first = images[0]
    camera = _pycolmap_camera(model, FOCAL_FACTOR_WITHOUT_EXIF * max(first.width, first.height), first)
    source = FocalSource.DEFAULT
    if camera.is_spherical():
        _check_sphere(first)
        return camera, FocalSource.NONE
    if camera.is_perspective_fisheye() or model in _WIDE_LENSES:
        focal_px, source = math.hypot(first.width, first.height) / FISHEYE_DIAGONAL_RAD, FocalSource.FISHEYE_DEFAULT
        camera = _pycolmap_camera(model, focal_px, first)
        for index, value in zip(camera.extra_params_idxs(), _WIDE_LENSES.get(model, ()), strict=False):
            camera.params[index] = value
    from_exif = sorted(found for found in map(exif_focal_length, images) if found is not None)
    if from_exif:
        focal_px, source = from_exif[len(from_exif) // 2]
        for index in camera.focal_length_idxs():
            camera.params[index] = focal_px
    return camera, source


def _check_sphere(image: ImageFile) -> None:
    if image.width != 2 * image.height:
        raise UsageError(
            f"{image.name} has {image.width}x{image.height} pixels, and a picture of a whole sphere is "
            "twice as wide as high",
            code=Cause.BAD_VALUE,
            file=image.name,
            try_=f"leave out --camera-model {SPHERE}, or use the panoramas only (--image-list)",
        )


def _pycolmap_camera(model: str, focal_px: float, image: ImageFile) -> pycolmap.Camera:
    import pycolmap

    return pycolmap.Camera.create_from_model_name(1, model, focal_px, image.width, image.height)
