"""What a photo's EXIF says of its camera and place, with everything implausible read as absent.

EXIF is written by cameras, phones and editors of every quality: a value of the wrong type, zero, infinite
or out of range counts as missing, and nothing raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recon.core.data import Exif

if TYPE_CHECKING:
    from PIL.Image import Exif as PillowExif

# Tag numbers of the EXIF 2.32 standard.
_MAKE, _MODEL, _ORIENTATION, _EXIF_IFD, _GPS_IFD = 0x010F, 0x0110, 0x0112, 0x8769, 0x8825
_TAKEN_AT, _FOCAL_LENGTH, _FOCAL_LENGTH_35MM, _LENS_SPECIFICATION, _LENS_MODEL = 0x9003, 0x920A, 0xA405, 0xA432, 0xA434
_PLANE_X, _PLANE_UNIT, _WIDTH, _HEIGHT, _DIGITAL_ZOOM = 0xA20E, 0xA210, 0xA002, 0xA003, 0xA404
_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
"""Inches, where the unit is missing; 4 and 5 are not in the standard, and written all the same."""
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE = 1, 2, 3, 4, 5, 6
_HORIZONTAL_ERROR = 31


def read_orientation(tags: Mapping[int, Any]) -> int:
    """Return EXIF's orientation, 1 to 8; 1 for anything else."""
    value = _first(tags.get(_ORIENTATION))
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_exif(tags: PillowExif) -> Exif:
    """Return what the tags say; fields that they lack, or that make no sense, are None."""
    photo = tags.get_ifd(_EXIF_IFD)
    gps = tags.get_ifd(_GPS_IFD)
    latitude, longitude, altitude = _position(gps)
    return Exif(
        make=_text(tags.get(_MAKE)),
        model=_text(tags.get(_MODEL)),
        lens=_text(photo.get(_LENS_MODEL)) or _lens_specification(photo.get(_LENS_SPECIFICATION)),
        focal_length_mm=_positive(photo.get(_FOCAL_LENGTH)),
        focal_length_35mm_mm=_positive(photo.get(_FOCAL_LENGTH_35MM)),
        focal_plane_px_per_mm=_focal_plane_px_per_mm(photo),
        size_as_taken=_size_as_taken(photo),
        digital_zoom=_digital_zoom(photo.get(_DIGITAL_ZOOM)),
        latitude_deg=latitude,
        longitude_deg=longitude,
        altitude_m=altitude,
        position_error_m=_positive(gps.get(_HORIZONTAL_ERROR)) if latitude is not None else None,
        taken_at=_text(photo.get(_TAKEN_AT)),
    )


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and value else value


def _text(value: Any) -> str | None:
    value = _first(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    # Cameras pad with NULs and spaces.
    return " ".join(value.split("\0")[0].split()) or None


def _number(value: Any) -> float | None:
    try:
        number = float(_first(value))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _focal_plane_px_per_mm(photo: Mapping[int, Any]) -> float | None:
    per_unit = _positive(photo.get(_PLANE_X))
    mm_per_unit = _MM_PER_UNIT.get(_first(photo.get(_PLANE_UNIT, 2)))
    return None if per_unit is None or mm_per_unit is None else per_unit / mm_per_unit


def _size_as_taken(photo: Mapping[int, Any]) -> tuple[int, int] | None:
    width, height = _positive(photo.get(_WIDTH)), _positive(photo.get(_HEIGHT))
    return None if width is None or height is None else (round(width), round(height))


def _digital_zoom(value: Any) -> float | None:
    """Return a zoom above 1; 0 and 1 say that there was none."""
    zoom = _positive(value)
    return zoom if zoom is not None and zoom > 1 else None


def _lens_specification(value: Any) -> str | None:
    """Return such as "18-55 mm f/3.5-5.6": what some cameras write in place of the lens's name."""
    if not isinstance(value, tuple) or len(value) != 4:
        return None
    shortest, longest = _positive(value[0]), _positive(value[1])
    if shortest is None or longest is None:
        return None
    apertures = [f"{number:g}" for number in map(_positive, value[2:]) if number is not None]
    return f"{shortest:g}-{longest:g} mm" + (f" f/{'-'.join(apertures)}" if apertures else "")


def _position(gps: Mapping[int, Any]) -> tuple[float | None, float | None, float | None]:
    latitude = _degrees(gps.get(_LATITUDE), gps.get(_LATITUDE_REF), "S", limit=90)
    longitude = _degrees(gps.get(_LONGITUDE), gps.get(_LONGITUDE_REF), "W", limit=180)
    # Exactly 0, 0 is what receivers without a fix write.
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None, None, None
    altitude = _number(gps.get(_ALTITUDE))
    is_below_sea = gps.get(_ALTITUDE_REF) in (1, b"\x01")
    return latitude, longitude, -altitude if altitude is not None and is_below_sea else altitude


def _degrees(value: Any, reference: Any, negative: str, *, limit: float) -> float | None:
    if not isinstance(value, tuple) or len(value) != 3:
        return None
    parts = [_number(part) for part in value]
    if parts[0] is None:
        return None
    degrees = math.fsum((part or 0.0) / 60.0**power for power, part in enumerate(parts))
    if not 0 <= degrees <= limit:
        return None
    return -degrees if (_text(reference) or "").upper().startswith(negative) else degrees
