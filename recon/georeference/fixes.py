"""Where the photos say that they were taken, with the accuracy to expect, in local metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.data import ImageFile
from recon.core.frame import Origin
from recon.georeference.geodesy import ecef_from_geodetic, enu_from_geodetic

HORIZONTAL_M = 5.0
"""Standard error, a direction, of a position whose photo tells none: a phone or a hand-held receiver in the open
is good for 3 to 5 m (gps.gov), and EXIF writers often round to a second's tenth, 3 m."""
VERTICAL_FACTOR = 2.0
"""Altitudes of a receiver are about twice as uncertain as its positions."""
_LEAST_M, _MOST_M = 0.02, 500.0
_UNKNOWN_ALTITUDE_M = 1e4
_MOST_COMPARED = 1000


@dataclass(frozen=True, slots=True, eq=False)
class GpsFixes:
    """The N photos that say where they were taken, in metres around an origin near the middle."""

    names: tuple[str, ...]
    origin: Origin
    positions: FloatArray
    """(N, 3) east, north, up; up is 0 where a photo tells no altitude."""
    sigmas: FloatArray
    """(N, 3) standard errors of those."""

    def __len__(self) -> int:
        return len(self.names)

    def of(self, names: Sequence[str]) -> tuple[list[str], FloatArray, FloatArray]:
        """Return those of `names` that have a fix, in their order, with (M, 3) positions and (M, 3) errors."""
        row = {name: k for k, name in enumerate(self.names)}
        known = [name for name in names if name in row]
        rows = [row[name] for name in known]
        return known, self.positions[rows], self.sigmas[rows]


def gps_fixes(images: Sequence[ImageFile]) -> GpsFixes | None:
    """Return the positions of the photos that have GPS; None where none has."""
    told = sorted((image for image in images if image.exif.latitude_deg is not None), key=lambda image: image.name)
    if not told:
        return None
    altitudes = [image.exif.altitude_m for image in told if image.exif.altitude_m is not None]
    usual = float(np.median(altitudes)) if altitudes else 0.0
    geodetic = np.array(
        [
            (e.latitude_deg, e.longitude_deg, usual if e.altitude_m is None else e.altitude_m)
            for e in (image.exif for image in told)
        ],
        np.float64,
    )
    middle = geodetic[_most_central(ecef_from_geodetic(geodetic))]
    origin = Origin(
        round(float(middle[0]), 7), round(float(middle[1]), 7), round(usual, 2) if altitudes else None
    )  # 1e-7 deg is a centimetre
    return GpsFixes(
        tuple(image.name for image in told),
        origin,
        enu_from_geodetic(geodetic, origin),
        np.array([_sigmas(image) for image in told]),
    )


def _most_central(places: FloatArray) -> int:
    """Return the row of the place nearest to the others, by the median: absurd places do not pull on it."""
    rows = np.linspace(0, len(places) - 1, min(len(places), _MOST_COMPARED)).astype(int)
    distances = np.linalg.norm(places[rows, None] - places[None, rows], axis=2)
    return int(rows[int(np.argmin(np.median(distances, axis=1)))])


def _sigmas(image: ImageFile) -> tuple[float, float, float]:
    told = image.exif.position_error_m
    # A receiver's "horizontal error" is a radius: per direction it is that by the root of two.
    across = HORIZONTAL_M if told is None else min(max(told / np.sqrt(2), _LEAST_M), _MOST_M)
    return across, across, _UNKNOWN_ALTITUDE_M if image.exif.altitude_m is None else VERTICAL_FACTOR * across
