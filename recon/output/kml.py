"""Writes where photos were taken as KML, for Google Earth and QGIS: OGC KML 2.2.

Each photo is a Placemark with a Camera, so that a click flies to where it was taken and looks the way it does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from recon.core.errors import Cause, UsageError
from recon.core.frame import ModelFrame, Origin
from recon.output.files import replacing
from recon.output.geographic import PhotoPlace, origin_of, photo_places

if TYPE_CHECKING:
    import pycolmap

_NAMESPACE = "http://www.opengis.net/kml/2.2"


def write_kml(model: pycolmap.Reconstruction, frame: ModelFrame | None, path: Path) -> None:
    """Write the file `path`, UTF-8.

    Raises:
        UsageError: BAD_VALUE where nothing says where on earth the model lies, or XML cannot hold a photo's name.
        OSError: The file cannot be written.
    """
    places, origin = photo_places(model, frame, "kml"), origin_of(frame, "kml")
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.Element(f"{{{_NAMESPACE}}}kml")
    document = _add(root, "Document")
    _add(document, "name", "recon: photos")
    _add(document, "description", frame.describe() if frame else "")
    _extended(document, _told(origin))
    for place in places:
        _placemark(document, place)
    ElementTree.indent(root)
    with replacing(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)


def _placemark(document: ElementTree.Element, place: PhotoPlace) -> None:
    if any(ord(letter) < 32 and letter not in "\t\n" for letter in place.name) or "\ufffe" <= place.name <= "\uffff":
        raise UsageError(
            f"KML cannot hold the photo name {place.name!r}",
            code=Cause.BAD_VALUE,
            file=place.name,
            try_="rename the photo and map again, or export geojson",
        )
    mark = _add(document, "Placemark")
    _add(mark, "name", place.name)
    camera = _add(mark, "Camera")
    mode = "absolute" if place.altitude_m is not None else "relativeToGround"
    altitude = place.up_m if place.altitude_m is None else place.altitude_m
    for name, value in (
        ("longitude", place.longitude_deg),
        ("latitude", place.latitude_deg),
        ("altitude", altitude),
        ("heading", place.heading_deg),
        ("tilt", place.tilt_deg),
        ("roll", place.roll_deg),
    ):
        _add(camera, name, repr(value))
    _add(camera, "altitudeMode", mode)
    seen = {"camera": place.camera, "width": place.width, "height": place.height, "observations": place.observations}
    _extended(mark, seen)
    point = _add(mark, "Point")
    _add(point, "altitudeMode", mode)
    _add(point, "coordinates", f"{place.longitude_deg!r},{place.latitude_deg!r},{altitude!r}")


def _told(origin: Origin) -> dict[str, object]:
    """Return where the model's (0, 0, 0) is, so that the file alone leads back to the model."""
    told: dict[str, object] = {
        "origin_latitude": repr(origin.latitude_deg),
        "origin_longitude": repr(origin.longitude_deg),
    }
    return told if origin.altitude_m is None else {**told, "origin_altitude": repr(origin.altitude_m)}


def _extended(parent: ElementTree.Element, values: dict[str, object]) -> None:
    extended = _add(parent, "ExtendedData")
    for name, value in values.items():
        data = _add(extended, "Data")
        data.set("name", name)
        _add(data, "value", str(value))


def _add(parent: ElementTree.Element, tag: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{_NAMESPACE}}}{tag}")
    child.text = text
    return child
