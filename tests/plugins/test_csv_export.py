"""The table of poses as a plugin."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import recon_plugins.csv_export as plugin

import recon


def export(model, path):
    (spec,) = plugin.recon_exporters()
    spec.create(spec.options(), recon.RunContext()).export(model, path)
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_row_a_photo_by_name_with_pose_centre_and_camera(synthetic_model, tmp_path):
    model = synthetic_model()
    rows = export(model, tmp_path / "poses.csv")

    assert [row["name"] for row in rows] == [f"image{number:04d}.png" for number in range(6)]
    for row in rows:
        image = model.find_image_with_name(row["name"])
        pose = image.cam_from_world()
        assert [float(row[name]) for name in ("qx", "qy", "qz", "qw")] == pose.rotation.quat.tolist()
        assert [float(row[name]) for name in ("tx", "ty", "tz")] == pose.translation.tolist()
        center = np.array([float(row[f"center_{axis}"]) for axis in "xyz"])
        assert pose * center == pytest.approx(np.zeros(3), abs=1e-12)
        camera = model.camera(image.camera_id)
        assert (row["camera_model"], int(row["width"])) == (camera.model_name, camera.width)
        assert [float(word) for word in row["params"].split()] == camera.params.tolist()
        assert int(row["observations"]) == image.num_points3D


@pytest.mark.parametrize("name", ['a,b".jpg', "new\nline.jpg", "é 中.jpg", "=1+1.jpg"])
def test_any_name_comes_back(synthetic_model, tmp_path, name):
    model = synthetic_model()
    model.image(sorted(model.reg_image_ids())[0]).name = name

    assert name in [row["name"] for row in export(model, tmp_path / "poses.csv")]
