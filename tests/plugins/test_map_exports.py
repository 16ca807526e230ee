"""KML and GeoJSON: where photos were taken, for models that have a place on earth."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import numpy as np
import pycolmap
import pytest
import recon_plugins.geojson_export as geojson_plugin
import recon_plugins.kml_export as kml_plugin

import recon
from recon.cli import main
from recon.core.frame import FrameSource, ModelFrame, Origin, Units
from recon.engine.models import write_models
from recon.output.export_check import check_export

PLUGINS = {"kml": kml_plugin, "geojson": geojson_plugin}
HERE = Origin(55.7, 13.2, 40.0)
NO_ALTITUDE = Origin(-33.9, 151.2)
KML = {"k": "http://www.opengis.net/kml/2.2"}


def frame_at(origin):
    return ModelFrame(Units.GEOGRAPHIC, FrameSource.GPS, True, 2.0, 0.02, origin)


def export(file_format, model, path, origin=HERE):
    (spec,) = PLUGINS[file_format].recon_exporters()
    spec.create(spec.options(), recon.RunContext(frame=frame_at(origin))).export(model, path)
    return path


@pytest.fixture
def one_photo():
    """Return a function that makes a model of one photo at (100, 200, 5), looking as told."""

    def make(world_from_cam, name="a.jpg"):
        model = pycolmap.Reconstruction()
        camera = pycolmap.Camera(model="PINHOLE", width=400, height=300, params=[300, 300, 200, 150], camera_id=1)
        model.add_camera_with_trivial_rig(camera)
        rotation = np.array(world_from_cam, float).T
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), -rotation @ (100.0, 200.0, 5.0))
        model.add_image_with_trivial_frame(pycolmap.Image(name=name, camera_id=1, image_id=1), pose)
        return model

    return make


LEVEL_TO_NORTH = [(1, 0, 0), (0, 0, 1), (0, -1, 0)]
"""Columns: right is east, down is down, forward is north."""
LEVEL_TO_EAST = [(0, 0, 1), (-1, 0, 0), (0, -1, 0)]
DOWN_WITH_NORTH_ON_TOP = [(1, 0, 0), (0, -1, 0), (0, 0, -1)]


@pytest.mark.parametrize(
    ("rotation", "heading", "tilt"),
    [(LEVEL_TO_NORTH, 0, 90), (LEVEL_TO_EAST, 90, 90), (DOWN_WITH_NORTH_ON_TOP, 0, 0)],
)
def test_a_photo_stands_where_it_was_taken_and_looks_where_it_looked(one_photo, tmp_path, rotation, heading, tilt):
    model = one_photo(rotation)
    camera = ElementTree.parse(export("kml", model, tmp_path / "a.kml")).find(".//k:Camera", KML)
    (feature,) = json.loads(export("geojson", model, tmp_path / "a.json").read_text("utf-8"))["features"]
    longitude, latitude, altitude = feature["geometry"]["coordinates"]
    told = {name: float(camera.findtext(f"k:{name}", None, KML)) for name in ("heading", "tilt", "roll", "latitude")}

    assert (latitude - 55.7) * 111_330 == pytest.approx(200, rel=0.003)
    assert (longitude - 13.2) * 111_330 * np.cos(np.radians(55.7)) == pytest.approx(100, rel=0.005)
    assert altitude == pytest.approx(45, abs=0.01)
    assert told["latitude"] == latitude
    about_view = told["roll"] if tilt == 0 else 0  # straight down, heading and roll are one turn
    turned = (told["heading"] - about_view - heading + 180) % 360 - 180
    assert (turned, told["tilt"]) == pytest.approx((0, tilt), abs=0.01)  # north turns over 100 m
    assert tilt == 0 or told["roll"] == pytest.approx(0, abs=0.01)
    assert feature["properties"]["heading_deg"] == told["heading"]


@pytest.mark.parametrize("file_format", PLUGINS)
@pytest.mark.parametrize("origin", [HERE, NO_ALTITUDE], ids=["with altitude", "without"])
def test_it_reads_back_as_the_model(synthetic_model, tmp_path, file_format, origin):
    model = synthetic_model(images=20)
    proof = check_export(model, file_format, export(file_format, model, tmp_path / "x", origin))

    assert proof.problems == ()
    assert proof.photos == 20
    assert proof.rotation_deg < 1e-6


@pytest.mark.parametrize("file_format", PLUGINS)
def test_a_moved_photo_is_noticed(synthetic_model, tmp_path, file_format):
    """Else the proof would prove nothing."""
    model = synthetic_model()
    path = export(file_format, model, tmp_path / "x")
    latitude = re.findall(r"55\.[67]\d{9,}", path.read_text("utf-8"))[0]
    path.write_text(path.read_text("utf-8").replace(latitude, repr(float(latitude) + 1e-4)), "utf-8")

    assert not check_export(model, file_format, path).agrees


@pytest.mark.parametrize("file_format", PLUGINS)
@pytest.mark.parametrize("name", ["<script>&\"'.jpg", "../é 中 😀.jpg", "new\nline.jpg", "]]>.jpg"])
def test_any_name_comes_back(one_photo, tmp_path, file_format, name):
    model = one_photo(LEVEL_TO_NORTH, name)

    assert check_export(model, file_format, export(file_format, model, tmp_path / "x")).problems == ()


def test_a_name_that_xml_cannot_hold_is_refused(one_photo, tmp_path):
    with pytest.raises(recon.UsageError, match="cannot hold"):
        export("kml", one_photo(LEVEL_TO_NORTH, "a\x01.jpg"), tmp_path / "x.kml")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_format", PLUGINS)
@pytest.mark.parametrize("frame", [None, ModelFrame(), ModelFrame(Units.METRES, FrameSource.LENGTH)])
def test_a_model_without_a_place_is_refused_in_words(synthetic_model, tmp_path, capsys, file_format, frame):
    write_models([synthetic_model()], tmp_path, [] if frame is None else [frame])

    assert main(["export", str(tmp_path), file_format, str(tmp_path / "x")]) == 2
    assert "places on earth" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("file_format", PLUGINS)
def test_the_command_says_units_and_proves_it(synthetic_model, tmp_path, capsys, file_format):
    write_models([synthetic_model()], tmp_path, [frame_at(HERE)])

    assert main(["export", str(tmp_path), file_format, str(tmp_path / "x"), "--check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["units"] == "geographic"
    assert told["check"]["ok"]


def test_an_xml_bomb_is_not_read(synthetic_model, tmp_path):
    path = export("kml", synthetic_model(), tmp_path / "x.kml")
    path.write_text(path.read_text("utf-8").replace("<kml", '<!DOCTYPE a [<!ENTITY b "c">]><kml'), "utf-8")

    assert not check_export(synthetic_model(), "kml", path).agrees


@pytest.mark.parametrize("content", ["", "{}", "[1, 2]", '{"units": "furlongs"}', "\x00\xff"])
def test_a_damaged_frame_is_named(synthetic_model, tmp_path, capsys, content):
    write_models([synthetic_model()], tmp_path, [frame_at(HERE)])
    (tmp_path / "sparse" / "0" / "frame.json").write_text(content, "latin-1")

    assert main(["export", str(tmp_path), "kml", str(tmp_path / "x")]) == 1
    assert "frame.json" in capsys.readouterr().err
