"""Rigs: cameras fixed to each other that release together, as COLMAP's rig_config.json describes them.

Its format: colmap.github.io/rigs.html. The photos whose names begin with a prefix are those of one camera, and photos
of one name after their prefix are taken at one moment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.matching.camera_params import check_params, known_model
from recon.matching.given_camera import GivenCamera


@dataclass(frozen=True, slots=True)
class RigCamera:
    """One camera of a rig, and the photos that it took."""

    prefix: str
    params: GivenCamera | None
    """As given in the file; None where they are found as for any photo."""
    images: tuple[ImageFile, ...]


def read_rigs(path: Path, images: Sequence[ImageFile]) -> list[RigCamera]:
    """Return the cameras of all rigs of a file, with their photos.

    Raises:
        UsageError: The file is missing or damaged, a camera's place is not given, a prefix fits no photo or two fit
            one, or no two photos are of one moment.
    """
    found: list[RigCamera] = []
    owner: dict[str, str] = {}
    for rig in _parse(path):
        cameras = [_rig_camera(path, camera, images) for camera in rig]
        for camera in cameras:
            for image in camera.images:
                if image.name in owner:
                    raise _bad(path, f"{image.name} begins with two prefixes, {owner[image.name]!r}, {camera.prefix!r}")
                owner[image.name] = camera.prefix
        moments = [{image.name.removeprefix(camera.prefix) for image in camera.images} for camera in cameras]
        if len(cameras) > 1 and len(set().union(*moments)) == sum(map(len, moments)):
            raise _bad(path, "no two photos of a rig are named alike after their prefixes: none are of one moment")
        found += cameras
    return found


def _rig_camera(path: Path, camera: Mapping[str, Any], images: Sequence[ImageFile]) -> RigCamera:
    prefix = camera["image_prefix"]
    taken = tuple(image for image in images if image.name.startswith(prefix))
    if not taken:
        example = f": the first photo is {images[0].name}" if images else ""
        raise _bad(path, f"no photo's name begins with {prefix!r}{example}")
    return RigCamera(prefix, _params(path, camera), taken)


def _params(path: Path, camera: Mapping[str, Any]) -> GivenCamera | None:
    model, params = camera.get("camera_model_name"), camera.get("camera_params")
    if model is None and params is None:
        return None
    numbers = _numbers(params)
    if not isinstance(model, str) or numbers is None:
        raise _bad(path, f"{camera['image_prefix']!r} needs both a camera_model_name and a list of camera_params")
    origin = f"camera {camera['image_prefix']!r} of {path}"
    given = GivenCamera(known_model(model, str(path)), None, tuple(numbers), origin)
    check_params(given.model, given.params, origin)
    return given


def _parse(path: Path) -> list[list[Mapping[str, Any]]]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the rigs {path}: {error.strerror}",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_="give COLMAP's rig_config.json",
        ) from error
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"it is no JSON ({error})") from error
    listed = document if isinstance(document, list) else []
    rigs: list[Any] = [rig.get("cameras") if isinstance(rig, dict) else None for rig in listed]
    if not rigs or not all(isinstance(cameras, list) and cameras for cameras in rigs):
        raise _bad(path, "it is no list of rigs, each with its cameras")
    for cameras in rigs:
        for camera in cameras:
            if not isinstance(camera, dict) or not isinstance(camera.get("image_prefix"), str):
                raise _bad(path, "a camera has no image_prefix")
        references = [camera for camera in cameras if camera.get("ref_sensor") is True]
        if len(references) != 1:
            raise _bad(path, f"a rig has {len(references)} cameras with ref_sensor true, and needs one")
        for camera in cameras:
            if camera is not references[0]:
                _check_place(path, camera)
    return rigs


def _check_place(path: Path, camera: Mapping[str, Any]) -> None:
    who = repr(camera["image_prefix"])
    rotation = _numbers(camera.get("cam_from_rig_rotation"))
    translation = _numbers(camera.get("cam_from_rig_translation"))
    if rotation is None or translation is None or (len(rotation), len(translation)) != (4, 3):
        raise _bad(path, f"{who} needs cam_from_rig_rotation (w, x, y, z) and cam_from_rig_translation (x, y, z)")
    if abs(math.hypot(*rotation) - 1) > 1e-3:
        raise _bad(path, f"cam_from_rig_rotation of {who} is no quaternion of length 1")


def _numbers(values: Any) -> list[float] | None:
    """Return a list of finite numbers; None for anything else."""
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        return None
    return [float(value) for value in values] if all(map(math.isfinite, values)) else None


def _bad(path: Path, what: str) -> UsageError:
    return UsageError(
        f"{path}: {what}",
        code=Cause.BAD_VALUE,
        file=str(path),
        try_="see COLMAP's page on rigs for rig_config.json; prefixes are those of names below the photos' folder",
    )
