"""Writes where photos were taken as GeoJSON (RFC 7946), for QGIS, web maps and scripts: a point a photo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.core.frame import ModelFrame
from recon.output.files import replacing
from recon.output.geographic import PhotoPlace, origin_of, photo_places

if TYPE_CHECKING:
    import pycolmap


def write_geojson(model: pycolmap.Reconstruction, frame: ModelFrame | None, path: Path) -> None:
    """Write the file `path`, UTF-8; `model` in it says where the model's (0, 0, 0) is.

    Raises:
        UsageError: BAD_VALUE where nothing says where on earth the model lies.
        OSError: The file cannot be written.
    """
    places, origin = photo_places(model, frame, "geojson"), origin_of(frame, "geojson")
    place_of_origin: list[float] = [origin.longitude_deg, origin.latitude_deg]
    if origin.altitude_m is not None:
        place_of_origin.append(origin.altitude_m)
    content = {
        "type": "FeatureCollection",
        "model": {
            "units": "metres",
            "axes": ["east", "north", "up"],
            "origin": place_of_origin,
            "about": frame.describe() if frame else "",
        },
        "features": [_feature(place) for place in places],
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def _feature(place: PhotoPlace) -> dict[str, Any]:
    coordinates = [place.longitude_deg, place.latitude_deg]
    if place.altitude_m is not None:
        coordinates.append(place.altitude_m)
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": coordinates},
        "properties": {
            "name": place.name,
            "up_m": place.up_m,
            "heading_deg": place.heading_deg,
            "tilt_deg": place.tilt_deg,
            "roll_deg": place.roll_deg,
            "camera": place.camera,
            "width": place.width,
            "height": place.height,
            "observations": place.observations,
        },
    }
