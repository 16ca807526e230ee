"""The cameras of a photo set: which photos share one, its intrinsics to begin with, and where they came from.

Parameters have COLMAP's order and pixel origin: the principal point of a photo is half its width and height.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.core.suggestions import did_you_mean
from recon.matching.grouping import Grouping, share_cameras
from recon.matching.intrinsics import FOCAL_FACTOR_WITHOUT_EXIF, CameraGroup, CameraGrouping, CameraOptions, FocalSource

if TYPE_CHECKING:
    import pycolmap

__all__ = ["CameraGroup", "CameraGrouping", "CameraOptions", "FocalSource", "Grouping", "group_cameras"]

DEFAULT_MODEL = "SIMPLE_RADIAL"  # as COLMAP's
FILM_DIAGONAL_MM = 43.27  # what COLMAP, after CIPA DCG-001, divides 35 mm equivalents by
PLAUSIBLE_FOCAL_FACTORS = (0.1, 10.0)  # of the longer side: COLMAP's mapper rejects cameras beyond them


def group_cameras(images: Sequence[ImageFile], options: CameraOptions) -> CameraGrouping:
    """Return the cameras of the photos, numbered by their first photo.

    Raises:
        UsageError: No such camera model, parameters that do not fit it or a photo, or photos of different
            sizes that are told to share a camera.
    """
    model = _known_model(options.model or DEFAULT_MODEL)
    if options.params is not None:
        _check_params(model, options.params)
    shared = share_cameras(images, options.grouping, has_given_params=options.params is not None)
    cameras = tuple(_make_group(number, group, model, options) for number, group in enumerate(shared.groups, 1))
    return CameraGrouping(cameras, shared.reason)


def _make_group(camera_id: int, images: Sequence[ImageFile], model: str, options: CameraOptions) -> CameraGroup:
    first = images[0]
    if options.params is not None:
        focal_px, source = float(max(first.width, first.height)), FocalSource.GIVEN
    else:
        focal_px, source = _focal_length(images)
    camera = _pycolmap_camera(model, focal_px, first)
    if options.params is not None:
        camera.params = list(options.params)
        _check_fits_photo(camera, first)
    return CameraGroup(
        camera_id=camera_id,
        model=model,
        width=first.width,
        height=first.height,
        params=tuple(float(value) for value in camera.params),
        focal_source=source,
        has_prior_focal_length=source is not FocalSource.DEFAULT,
        is_fixed=options.params is not None if options.refine_intrinsics is None else not options.refine_intrinsics,
        image_names=tuple(image.name for image in images),
    )


def _focal_length(images: Sequence[ImageFile]) -> tuple[float, FocalSource]:
    """Return the focal length in pixels of photos that share a camera: the median of what EXIF says."""
    from_exif = sorted(found for found in map(_exif_focal_length, images) if found is not None)
    if from_exif:
        return from_exif[len(from_exif) // 2]
    return FOCAL_FACTOR_WITHOUT_EXIF * max(images[0].width, images[0].height), FocalSource.DEFAULT


def _exif_focal_length(image: ImageFile) -> tuple[float, FocalSource] | None:
    longer = max(image.width, image.height)
    exif = image.exif
    if exif.focal_length_35mm_mm is not None:
        focal_px = exif.focal_length_35mm_mm / FILM_DIAGONAL_MM * math.hypot(image.width, image.height)
        if _is_plausible(focal_px / longer):
            return focal_px, FocalSource.EXIF_35MM
    if exif.focal_length_mm is not None and exif.make and exif.model:
        sensor_width_mm = _sensor_width_mm(exif.make, exif.model)
        if sensor_width_mm is not None and _is_plausible(exif.focal_length_mm / sensor_width_mm):
            return exif.focal_length_mm / sensor_width_mm * longer, FocalSource.EXIF_SENSOR_TABLE
    return None


def _is_plausible(focal_factor: float) -> bool:
    lowest, highest = PLAUSIBLE_FOCAL_FACTORS
    return lowest <= focal_factor <= highest


@lru_cache
def _sensor_width_mm(make: str, model: str) -> float | None:
    """Return the longer side of a camera's sensor from COLMAP's table; None where it is not in there.

    The table is reached only through an image file: one of 8x8 pixels that claims to be taken with that
    camera is read in a millisecond, where the photo itself would be decoded whole.
    """
    import pycolmap
    from PIL import Image
    from PIL.TiffImagePlugin import IFDRational

    side_px = 8
    tags = Image.Exif()
    tags[0x010F], tags[0x0110] = make, model
    tags[0x8769] = {0x920A: IFDRational(1, 1)}  # focal length: 1 mm
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "camera.jpg"
            Image.new("RGB", (side_px, side_px)).save(path, exif=tags)
            bitmap = pycolmap.Bitmap.read(path, as_rgb=True)
    except OSError:  # no room for a temporary file
        return None
    focal_px = None if bitmap is None else bitmap.exif_focal_length()
    return side_px / focal_px if focal_px else None


def _known_model(name: str) -> str:
    import pycolmap

    models = [model for model in pycolmap.CameraModelId.__members__ if model != "INVALID"]
    if name.upper() in models:
        return name.upper()
    raise UsageError(
        f"no camera model named {name!r}{did_you_mean(name, models)}",
        code=Cause.BAD_VALUE,
        try_=f"COLMAP's models are {', '.join(models)}",
    )


def _pycolmap_camera(model: str, focal_px: float, image: ImageFile) -> pycolmap.Camera:
    import pycolmap

    return pycolmap.Camera.create_from_model_name(1, model, focal_px, image.width, image.height)


def _check_params(model: str, params: Sequence[float]) -> None:
    import pycolmap

    camera = pycolmap.Camera.create_from_model_name(1, model, 1.0, 1, 1)
    names = [name.strip() for name in camera.params_info.split(",")]
    shown = ",".join(f"{value:g}" for value in params)
    takes = f"{model} takes {len(names)}: {','.join(names)}"
    if len(params) != len(names):
        raise UsageError(
            f"--camera-params has {len(params)} values ({shown}), and {takes}",
            code=Cause.BAD_VALUE,
            try_="give them in COLMAP's order, or name their model with --camera-model",
        )
    focals = [params[index] for index in camera.focal_length_idxs()]
    if not all(math.isfinite(value) for value in params) or any(focal <= 0 for focal in focals):
        raise UsageError(
            f"--camera-params {shown}: all must be finite, and focal lengths above 0",
            code=Cause.BAD_VALUE,
            try_=takes,
        )


def _check_fits_photo(camera: pycolmap.Camera, image: ImageFile) -> None:
    indices = list(camera.principal_point_idxs())
    if not indices:
        return
    x, y = camera.principal_point_x, camera.principal_point_y
    if not (0 <= x <= image.width and 0 <= y <= image.height):
        raise UsageError(
            f"--camera-params put the principal point at ({x:g}, {y:g}), outside {image.name} of "
            f"{image.width}x{image.height} pixels",
            code=Cause.BAD_VALUE,
            file=image.name,
            try_="give the parameters of the full-size photo as stored on disk, before any EXIF rotation",
        )
