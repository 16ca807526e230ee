"""Where the photos were taken, by GPS: how many say, how far they spread, and which cannot be true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.data import ImageFile
from recon.matching.formats import UnknownFormat, decoding_errors, open_header
from recon.preflight.findings import Finding, Severity, Topic, count

_GPS_IFD, _LATITUDE, _LONGITUDE = 0x8825, 2, 4
_METRES_A_DEGREE = 111_320.0
_LOWEST_M, _HIGHEST_M = -450.0, 9_000.0
"""Below the Dead Sea's shore, above the Everest: no photo on the ground or from a drone."""
_FAR_M = 1_000.0
_FAR_FACTOR = 20.0
"""A position is absurd when it is farther from the median than 1 km and 20 times the median distance."""


@dataclass(frozen=True, slots=True)
class Places:
    """The GPS positions of a photo set."""

    num_positions: int
    span_m: float | None
    """Greatest extent along east or north, without absurd positions; None below two positions."""

    altitude_span_m: float | None
    absurd: dict[str, str]
    """Name -> what is wrong with its position."""


def has_unusable_position(image: ImageFile) -> bool:
    """Return whether a photo has GPS tags for latitude and longitude that are no place; PNG is not looked into."""
    if image.exif.latitude_deg is not None:
        return False
    damaged: tuple[type[Exception], ...] = (UnknownFormat, *decoding_errors())
    try:
        with image.path.open("rb") as stream:
            picture = open_header(stream)
            gps = {} if picture.format == "PNG" else picture.getexif().get_ifd(_GPS_IFD)
    except damaged:
        return False
    return bool(gps.get(_LATITUDE) and gps.get(_LONGITUDE))


def locate(images: Sequence[ImageFile], unreadable: Sequence[str] = ()) -> Places:
    """Return what GPS says.

    Args:
        unreadable: Photos whose position is outside the globe, or is no number.
    """
    absurd = dict.fromkeys(unreadable, "latitude and longitude are no place on earth")
    with_gps = [image for image in images if image.exif.latitude_deg is not None]
    ground = _metres(with_gps)
    distances = np.hypot(*(ground - np.median(ground, axis=0)).T) if len(ground) else np.zeros(0)
    far = max(_FAR_M, _FAR_FACTOR * float(np.median(distances))) if len(ground) else 0.0
    good, altitudes = [], []
    for image, place, distance in zip(with_gps, ground, distances, strict=True):
        altitude = image.exif.altitude_m
        if distance > far and len(with_gps) > 2:
            absurd[image.name] = f"{distance / 1000:,.0f} km from the others"
        elif altitude is not None and not _LOWEST_M <= altitude <= _HIGHEST_M:
            absurd[image.name] = f"an altitude of {altitude:,.0f} m"
        else:
            good.append(place)
            altitudes += [altitude] if altitude is not None else []
    return Places(
        num_positions=len(with_gps) + len(unreadable),
        span_m=float(np.ptp(np.array(good), axis=0).max()) if len(good) > 1 else None,
        altitude_span_m=max(altitudes) - min(altitudes) if len(altitudes) > 1 else None,
        absurd=absurd,
    )


def _metres(images: Sequence[ImageFile]) -> FloatArray:
    """Return (N, 2) metres to the east and north of the median position; longitudes taken the short way round."""
    degrees = np.array([(image.exif.longitude_deg, image.exif.latitude_deg) for image in images], float).reshape(-1, 2)
    if not len(degrees):
        return np.zeros((0, 2))
    differences = degrees - degrees[0]
    differences[:, 0] = (differences[:, 0] + 180.0) % 360.0 - 180.0
    differences[:, 0] *= math.cos(math.radians(float(np.median(degrees[:, 1]))))
    metres: FloatArray = (differences - np.median(differences, axis=0)) * _METRES_A_DEGREE
    return metres


def find_gps_problems(images: Sequence[ImageFile], places: Places) -> list[Finding]:
    """Return the photos with absurd positions, and how many lack one."""
    findings = []
    for name, reason in places.absurd.items():
        findings.append(
            Finding(
                Topic.GPS_ABSURD,
                Severity.WARNING,
                f"its GPS position is absurd: {reason}",
                (name,),
                "remove its GPS tags (exiftool -gps:all= FILE), or correct them, before positions are used",
            )
        )
    without = len(images) - places.num_positions
    if places.num_positions and without:
        names = tuple(image.name for image in images if image.exif.latitude_deg is None)
        detail = f"{count(without, 'photo')} of {len(images)} without a GPS position"
        findings.append(Finding(Topic.GPS_PARTIAL, Severity.NOTE, detail, names))
    return findings
