"""Checks of camera parameters that somebody gave: the model exists, they fit it, and they fit the photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.core.suggestions import did_you_mean

if TYPE_CHECKING:
    import pycolmap


def known_model(name: str, origin: str | None = None) -> str:
    """Return COLMAP's spelling of a camera model's name.

    Args:
        origin: The file that says so, for the error.

    Raises:
        UsageError: There is no such model.
    """
    import pycolmap

    models = [model for model in pycolmap.CameraModelId.__members__ if model != "INVALID"]
    if name.upper() in models:
        return name.upper()
    where = f"{origin}: " if origin else ""
    raise UsageError(
        f"{where}no camera model named {name!r}{did_you_mean(name, models)}",
        code=Cause.BAD_VALUE,
        file=origin,
        try_=f"COLMAP's models are {', '.join(models)}",
    )


def num_params(model: str) -> int:
    """Return how many parameters a camera model has."""
    return len(_names_of(model))


def check_params(model: str, params: Sequence[float], origin: str) -> None:
    """Refuse parameters that are too many or few, not finite, or have a focal length that is not above 0.

    Args:
        origin: Who says so: `--camera-params`, or a file and what in it.

    Raises:
        UsageError: BAD_VALUE.
    """
    import pycolmap

    names = _names_of(model)
    shown = ",".join(f"{value:g}" for value in params)
    takes = f"{model} takes {len(names)}: {','.join(names)}"
    if len(params) != len(names):
        raise UsageError(
            f"{origin} has {len(params)} values ({shown}), and {takes}",
            code=Cause.BAD_VALUE,
            try_="give them in COLMAP's order, with the model that they belong to",
        )
    camera = pycolmap.Camera.create_from_model_name(1, model, 1.0, 1, 1)
    focals = [] if camera.is_spherical() else [params[index] for index in camera.focal_length_idxs()]
    if not all(math.isfinite(value) for value in params) or any(focal <= 0 for focal in focals):
        raise UsageError(
            f"{origin} {shown}: all must be finite, and focal lengths above 0", code=Cause.BAD_VALUE, try_=takes
        )


def check_fits_photo(camera: pycolmap.Camera, image: ImageFile, origin: str) -> None:
    """Refuse a principal point outside the photo, and a sphere of another size than the photo.

    Raises:
        UsageError: BAD_VALUE, naming the photo.
    """
    if camera.is_spherical():
        if tuple(camera.params) != (image.width, image.height):
            width, height = camera.params
            raise _does_not_fit(f"{origin} describe a sphere of {width:g}x{height:g} pixels, and", image)
        return
    x, y = camera.principal_point_x, camera.principal_point_y
    if not (0 <= x <= image.width and 0 <= y <= image.height):
        raise _does_not_fit(f"{origin} put the principal point at ({x:g}, {y:g}), outside", image)


def check_size(size: tuple[int, int], image: ImageFile, origin: str) -> None:
    """Refuse intrinsics of another size than the photo's.

    Raises:
        UsageError: BAD_VALUE, naming the photo.
    """
    if size == (image.width, image.height):
        return
    is_turned = size == (image.height, image.width)
    hint = "; they seem to be those of the photo as it is shown upright" if is_turned else ""
    raise _does_not_fit(f"{origin} is for {size[0]}x{size[1]} pixels{hint}, and not for", image)


def _does_not_fit(message: str, image: ImageFile) -> UsageError:
    return UsageError(
        f"{message} {image.name} of {image.width}x{image.height} pixels",
        code=Cause.BAD_VALUE,
        file=image.name,
        try_="give the parameters of the full-size photo as stored on disk, before any EXIF rotation",
    )


def _names_of(model: str) -> list[str]:
    import pycolmap

    camera = pycolmap.Camera.create_from_model_name(1, model, 1.0, 1, 1)
    return [name.strip() for name in camera.params_info.split(",")]
