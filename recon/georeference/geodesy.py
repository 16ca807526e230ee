"""Places on earth and local metres: WGS84, latitude and longitude in degrees, altitude in metres above the ellipsoid.

A camera's altitude is mostly above the sea, tens of metres from that; locally the difference is a shift along z.
"""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.frame import Origin

_SEMI_MAJOR_M = 6378137.0
_FLATTENING = 1 / 298.257223563
_E2 = _FLATTENING * (2 - _FLATTENING)
_ROUNDS = 6
"""Of the iteration for the latitude, which gains three digits a round."""


def ecef_from_geodetic(geodetic: FloatArray) -> FloatArray:
    """Return (N, 3) earth-centred, earth-fixed metres of (N, 3) latitude, longitude, altitude."""
    latitude, longitude = np.radians(geodetic[:, 0]), np.radians(geodetic[:, 1])
    altitude = geodetic[:, 2]
    normal = _SEMI_MAJOR_M / np.sqrt(1 - _E2 * np.sin(latitude) ** 2)
    across = (normal + altitude) * np.cos(latitude)
    along_axis = (normal * (1 - _E2) + altitude) * np.sin(latitude)
    return np.column_stack([across * np.cos(longitude), across * np.sin(longitude), along_axis])


def geodetic_from_ecef(ecef: FloatArray) -> FloatArray:
    """Return (N, 3) latitude, longitude, altitude of (N, 3) earth-centred metres, for places near the surface."""
    across = np.hypot(ecef[:, 0], ecef[:, 1])
    latitude = np.arctan2(ecef[:, 2], across * (1 - _E2))
    altitude = np.zeros(len(ecef))
    for _ in range(_ROUNDS):
        normal = _SEMI_MAJOR_M / np.sqrt(1 - _E2 * np.sin(latitude) ** 2)
        # Both forms are the same length; this one holds at the poles and at the equator.
        altitude = across * np.cos(latitude) + ecef[:, 2] * np.sin(latitude) - _SEMI_MAJOR_M**2 / normal
        latitude = np.arctan2(ecef[:, 2], across * (1 - _E2 * normal / (normal + altitude)))
    return np.column_stack([np.degrees(latitude), np.degrees(np.arctan2(ecef[:, 1], ecef[:, 0])), altitude])


def enu_from_geodetic(geodetic: FloatArray, origin: Origin) -> FloatArray:
    """Return (N, 3) metres east, north and up of an origin, of (N, 3) latitude, longitude, altitude."""
    center, enu_from_ecef = _local(origin)
    enu: FloatArray = (ecef_from_geodetic(geodetic) - center) @ enu_from_ecef.T
    return enu


def geodetic_from_enu(enu: FloatArray, origin: Origin) -> FloatArray:
    """Return (N, 3) latitude, longitude, altitude of (N, 3) metres east, north and up of an origin."""
    center, enu_from_ecef = _local(origin)
    return geodetic_from_ecef(enu @ enu_from_ecef + center)


def enu_rotation(origin: Origin) -> FloatArray:
    """Return the (3, 3) rotation from earth-centred axes to east, north and up at a place."""
    return _local(origin)[1]


def _local(origin: Origin) -> tuple[FloatArray, FloatArray]:
    """Return the (3,) origin in earth-centred metres, and the (3, 3) rotation from there to east, north, up."""
    geodetic = np.array([[origin.latitude_deg, origin.longitude_deg, origin.altitude_m or 0.0]])
    latitude, longitude = np.radians(geodetic[0, :2])
    sin_lat, cos_lat, sin_lon, cos_lon = np.sin(latitude), np.cos(latitude), np.sin(longitude), np.cos(longitude)
    rotation = np.array(
        [
            (-sin_lon, cos_lon, 0),
            (-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat),
            (cos_lat * cos_lon, cos_lat * sin_lon, sin_lat),
        ]
    )
    return ecef_from_geodetic(geodetic)[0], rotation
