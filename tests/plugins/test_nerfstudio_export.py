"""nerfstudio's dataset as a plugin; `tests/output/test_export_check.py` reads all formats back."""

from __future__ import annotations

import json

import numpy as np
import pycolmap
import pytest
import recon_plugins.nerfstudio_export as plugin

import recon
from recon.engine.models import read_model


@pytest.fixture
def export():
    """Return a function that exports a model into a folder, and returns the content of transforms.json."""
    (spec,) = plugin.recon_exporters()

    def run(model, folder, **options):
        spec.create(spec.options(**options), recon.RunContext()).export(model, folder)
        return json.loads((folder / "transforms.json").read_text("utf-8"))

    return run


@pytest.fixture
def one_camera():
    """Return a function: a model of one level photo and one point."""

    def make(
        center=(0.0, 0.0, 0.0), rotation=None, lens="PINHOLE", params=(500.0, 510.0, 320.0, 240.0), size=(640, 480)
    ):
        rotation = np.eye(3) if rotation is None else rotation
        model = pycolmap.Reconstruction()
        camera = pycolmap.Camera(model=lens, width=640, height=480, params=list(params), camera_id=1)
        model.add_camera_with_trivial_rig(camera)
        image = pycolmap.Image(name="a.jpg", camera_id=1, image_id=1)
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(), -np.array(center))
        model.add_image_with_trivial_frame(image, pose)
        model.add_point3D(np.array([1.0, 2.0, 3.0]), pycolmap.Track(), np.array([10, 20, 30], np.uint8))
        return model

    return make


def test_a_level_camera_looks_along_the_ground_with_up_along_z(export, one_camera, tmp_path):
    """nerfstudio: columns are right, up and back; the world's up is +z. COLMAP: y down, z forward."""
    content = export(one_camera(center=(1.0, 2.0, 3.0)), tmp_path)
    matrix = np.array(content["frames"][0]["transform_matrix"])

    assert matrix[:, 0].tolist() == [1, 0, 0, 0]
    assert matrix[:, 1].tolist() == [0, 0, 1, 0]
    assert matrix[:, 2].tolist() == [0, -1, 0, 0]
    assert matrix[:, 3].tolist() == [1, 3, -2, 1]
    assert content["applied_transform"] == [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0]]


def test_points_are_in_the_frame_of_the_poses(export, one_camera, tmp_path):
    content = export(one_camera(), tmp_path)
    body = (tmp_path / content["ply_file_path"]).read_bytes().partition(b"end_header\n")[2]

    assert np.frombuffer(body[:12], "<f4").tolist() == [1, 3, -2]
    assert list(body[12:15]) == [10, 20, 30]


def test_intrinsics_of_one_camera_stand_at_the_top(export, one_camera, tmp_path):
    content = export(one_camera(lens="SIMPLE_RADIAL", params=(500.0, 320.5, 240.5, -0.1)), tmp_path)

    assert content["camera_model"] == "OPENCV"
    expected = {"w": 640, "h": 480, "fl_x": 500, "fl_y": 500, "cx": 320.5, "cy": 240.5}
    expected |= {"k1": -0.1, "k2": 0, "p1": 0, "p2": 0}
    assert {name: content[name] for name in expected} == expected
    assert content["frames"][0].keys() == {"file_path", "transform_matrix", "colmap_im_id"}


def test_a_fisheye_is_said_to_be_one(export, one_camera, tmp_path):
    content = export(one_camera(lens="RADIAL_FISHEYE", params=(500.0, 320.0, 240.0, 0.1, 0.2)), tmp_path)

    assert content["camera_model"] == "OPENCV_FISHEYE"
    assert [content[f"k{number}"] for number in (1, 2, 3, 4)] == [0.1, 0.2, 0, 0]


@pytest.mark.parametrize(
    ("lens", "params"),
    [
        ("FULL_OPENCV", (500.0, 500.0, 320.0, 240.0, 0.1, 0, 0, 0, 0, 0.01, 0, 0)),
        ("FOV", (500.0, 500.0, 320.0, 240.0, 0.5)),
        ("THIN_PRISM_FISHEYE", (500.0, 500.0, 320.0, 240.0, 0.1, 0, 0, 0, 0, 0, 0, 0)),
        ("SIMPLE_DIVISION", (500.0, 320.0, 240.0, 0.1)),
    ],
)
def test_a_lens_that_nerfstudio_does_not_have_is_refused_with_a_way_on(export, one_camera, tmp_path, lens, params):
    with pytest.raises(recon.UsageError, match=lens) as caught:
        export(one_camera(lens=lens, params=params), tmp_path / "made")

    assert "gsplat" in caught.value.try_
    assert not (tmp_path / "made").exists()


def test_fisheye_and_ordinary_cameras_do_not_mix(export, one_camera, tmp_path):
    model = one_camera()
    other = pycolmap.Camera(model="FISHEYE", width=64, height=48, params=[50.0, 50.0, 32.0, 24.0], camera_id=2)
    model.add_camera_with_trivial_rig(other)
    model.add_image_with_trivial_frame(pycolmap.Image(name="b.jpg", camera_id=2, image_id=2), pycolmap.Rigid3d())

    with pytest.raises(recon.UsageError, match="mixes fisheye"):
        export(model, tmp_path / "made")


def test_photos_are_copied_byte_for_byte(export, finished_run, six_photos, tmp_path):
    content = export(read_model(finished_run), tmp_path / "made", photos=six_photos)

    for frame in content["frames"]:
        copy = tmp_path / "made" / frame["file_path"]
        assert copy.read_bytes() == (six_photos / copy.name).read_bytes()


def test_missing_photos_are_counted_and_nothing_is_written(export, finished_run, six_photos, tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(recon.UsageError, match="6 of the model's 6 photos are not in") as caught:
        export(read_model(finished_run), tmp_path / "made", photos=tmp_path / "empty")
    assert "--photos" in caught.value.try_
    assert not (tmp_path / "made").exists()
