"""Reads KML and GeoJSON back into poses, with pycolmap's geodesy and the formats' own rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.output.read_back import ReadBack, ReadView, UnreadableExport

_KML = {"k": "http://www.opengis.net/kml/2.2"}


def read_kml(path: Path) -> ReadBack:
    """Return the poses of a KML file; its Camera elements and Points have to agree."""
    content = path.read_text("utf-8")
    if "<!DOCTYPE" in content or "<!ENTITY" in content:  # entities could grow without end
        raise UnreadableExport("a KML file has no document type of its own")
    document = ElementTree.fromstring(content).find("k:Document", _KML)  # noqa: S314 - no entities, see above
    if document is None:
        raise UnreadableExport("no Document")
    told = {
        data.get("name"): float(data.findtext("k:value", "", _KML))
        for data in document.findall("k:ExtendedData/k:Data", _KML)
    }
    origin = np.array([told["origin_latitude"], told["origin_longitude"], told.get("origin_altitude", 0.0)])
    views = []
    for mark in document.findall("k:Placemark", _KML):
        name = mark.findtext("k:name", "", _KML)
        camera = {
            tag: float(mark.findtext(f"k:Camera/k:{tag}", "", _KML))
            for tag in ("longitude", "latitude", "altitude", "heading", "tilt", "roll")
        }
        point = [float(word) for word in mark.findtext("k:Point/k:coordinates", "", _KML).split(",")]
        place = [camera["longitude"], camera["latitude"], camera["altitude"]]
        if point != place:
            raise UnreadableExport(f"the camera of {name!r} is not at its point")
        angles = camera["heading"], camera["tilt"], camera["roll"]
        views.append(_view(name, np.array([place[1], place[0], place[2]]), angles, origin))
    return ReadBack("its Camera elements", tuple(views))


def read_geojson(path: Path) -> ReadBack:
    """Return the poses of a GeoJSON file."""
    content = json.loads(path.read_text("utf-8"))
    longitude, latitude, *altitude = content["model"]["origin"]
    origin = np.array([latitude, longitude, altitude[0] if altitude else 0.0])
    views = []
    for feature in content["features"]:
        longitude, latitude, *altitude = feature["geometry"]["coordinates"]
        told = feature["properties"]
        # Without an altitude the height above the model's origin takes its place, a curved earth's breadth off.
        place = np.array([latitude, longitude, altitude[0] if altitude else told["up_m"]])
        angles = told["heading_deg"], told["tilt_deg"], told["roll_deg"]
        views.append(_view(told["name"], place, angles, origin))
    return ReadBack("RFC 7946", tuple(views))


def _view(name: str, place: FloatArray, angles: Sequence[float], origin: FloatArray) -> ReadView:
    """Return the pose of a camera at (3,) latitude, longitude, altitude, seen from the origin's east, north, up."""
    heading, tilt, roll = np.radians(angles)
    in_local = _about_z(-heading) @ _about_x(tilt) @ _about_z(roll) @ np.diag([1.0, -1.0, -1.0])
    geodesy = pycolmap.GPSTransform()
    axes = _axes(place)
    world_from_cam = _axes(origin) @ axes.T @ in_local
    center = _axes(origin) @ (geodesy.ellipsoid_to_ecef(place[None])[0] - geodesy.ellipsoid_to_ecef(origin[None])[0])
    rotation = world_from_cam.T
    return ReadView(name, np.column_stack([rotation, -rotation @ center]))


def _axes(place: FloatArray) -> FloatArray:
    """Return the (3, 3) earth-centred directions of east, north and up, a row each, as the surface lies there."""
    latitude, longitude = np.radians(place[:2])
    up = np.array([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)])
    east = np.array([-np.sin(longitude), np.cos(longitude), 0.0])
    return np.stack([east, np.cross(up, east), up])


def _about_z(angle: float) -> FloatArray:
    return np.array([(np.cos(angle), -np.sin(angle), 0), (np.sin(angle), np.cos(angle), 0), (0, 0, 1)])


def _about_x(angle: float) -> FloatArray:
    return np.array([(1, 0, 0), (0, np.cos(angle), -np.sin(angle)), (0, np.sin(angle), np.cos(angle))])
