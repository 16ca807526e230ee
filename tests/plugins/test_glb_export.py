"""glTF as a plugin, read by trimesh and byte by byte."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import recon_plugins.glb_export as plugin
import trimesh

import recon
from recon.engine.models import read_model


def export(model, path):
    (spec,) = plugin.recon_exporters()
    spec.create(spec.options(), recon.RunContext()).export(model, path)
    return path


def document_of(path):
    content = path.read_bytes()
    assert struct.unpack_from("<4sII", content) == (b"glTF", 2, len(content))
    length, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON"
    assert length % 4 == 0
    return json.loads(content[20 : 20 + length])


def test_trimesh_sees_points_with_colours_and_every_camera(finished_run, tmp_path):
    model = read_model(finished_run)
    scene = trimesh.load_scene(export(model, tmp_path / "made.glb"))

    cloud = scene.geometry["points"]
    assert len(cloud.vertices) == model.num_points3D()
    first = model.point3D(sorted(model.points3D)[0])
    assert np.asarray(cloud.vertices)[0] == pytest.approx(first.xyz, rel=1e-6)
    assert np.asarray(cloud.colors)[0].tolist() == [*first.color, 255]
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        place = scene.graph.get(image.name)[0]
        x, y, z = image.projection_center()
        assert place[:3, 3] == pytest.approx([x, -y, -z], abs=1e-9)
        forward = image.cam_from_world().rotation.matrix()[2]
        assert -place[:3, 2] == pytest.approx(forward * (1, -1, -1), abs=1e-9)


def test_each_photo_has_a_camera_with_its_field_of_view(finished_run, tmp_path):
    model = read_model(finished_run)
    document = document_of(export(model, tmp_path / "made.glb"))

    (camera,) = model.cameras.values()
    lens = document["cameras"][0]["perspective"]
    assert np.tan(lens["yfov"] / 2) == pytest.approx(camera.height / 2 / camera.focal_length)
    assert lens["aspectRatio"] == pytest.approx(camera.width / camera.height)
    photos = [node for node in document["nodes"] if "extras" in node]
    assert len(photos) == 6
    for photo in photos:
        (child,) = photo["children"]
        assert document["nodes"][child]["camera"] == 0
        assert photo["extras"]["params"] == camera.params.tolist()


def test_the_tables_point_into_the_file(finished_run, tmp_path):
    document = document_of(export(read_model(finished_run), tmp_path / "made.glb"))

    for accessor in document["accessors"]:
        view = document["bufferViews"][accessor["bufferView"]]
        size = {"VEC3": 12, "VEC4": 4}[accessor["type"]]
        assert accessor["count"] * size == view["byteLength"]
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= document["buffers"][0]["byteLength"]


def test_positions_say_their_bounds(finished_run, tmp_path):
    """glTF asks for them; viewers place the scene by them."""
    document = document_of(export(read_model(finished_run), tmp_path / "made.glb"))

    for mesh in document["meshes"]:
        (primitive,) = mesh["primitives"]
        accessor = document["accessors"][primitive["attributes"]["POSITION"]]
        assert all(low <= high for low, high in zip(accessor["min"], accessor["max"], strict=True))
