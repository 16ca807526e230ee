"""A photo's focal length in pixels, by what its EXIF says, and COLMAP's table of sensors."""

from __future__ import annotations

import math
import tempfile
from functools import lru_cache
from pathlib import Path

from recon.core.data import ImageFile
from recon.matching.intrinsics import FocalSource

FILM_DIAGONAL_MM = 43.27  # what COLMAP, after CIPA DCG-001, divides 35 mm equivalents by
PLAUSIBLE_FOCAL_FACTORS = (0.1, 10.0)  # of the longer side: COLMAP's mapper rejects cameras beyond them


def exif_focal_length(image: ImageFile) -> tuple[float, FocalSource] | None:
    """Return the focal length in pixels and what it was computed from; None where EXIF does not tell.

    The 35 mm equivalent goes first, then the sensor's width by COLMAP's table, then the resolution of the focal
    plane. That one is wrong once a photo was resized, and counts only where the size that the camera wrote down is
    the file's.
    """
    longer = max(image.width, image.height)
    exif = image.exif
    if exif.focal_length_35mm_mm is not None:
        focal_px = exif.focal_length_35mm_mm / FILM_DIAGONAL_MM * math.hypot(image.width, image.height)
        if _is_plausible(focal_px / longer):
            return focal_px, FocalSource.EXIF_35MM
    if exif.focal_length_mm is None:
        return None
    if exif.make and exif.model:
        # The table says NIKON, and a Nikon says NIKON CORPORATION.
        sensor_width_mm = next(
            (width for make in (exif.make, exif.make.split()[0]) if (width := _sensor_width_mm(make, exif.model))), None
        )
        if sensor_width_mm is not None:
            # Digital zoom uses the sensor's middle and enlarges it.
            focal_factor = exif.focal_length_mm / sensor_width_mm * (exif.digital_zoom or 1.0)
            if _is_plausible(focal_factor):
                return focal_factor * longer, FocalSource.EXIF_SENSOR_TABLE
    if exif.focal_plane_px_per_mm is not None and _has_size_as_taken(image):
        focal_px = exif.focal_length_mm * exif.focal_plane_px_per_mm
        if _is_plausible(focal_px / longer):
            return focal_px, FocalSource.EXIF_FOCAL_PLANE
    return None


def _has_size_as_taken(image: ImageFile) -> bool:
    taken = image.exif.size_as_taken
    return taken is not None and sorted(taken) == sorted((image.width, image.height))


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
