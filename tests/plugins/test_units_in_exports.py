"""Every file that can say it says what its numbers mean, and formats with an up of their own get it right."""

from __future__ import annotations

import csv
import json
import struct

import numpy as np
import pytest

import recon
from recon.core.frame import FrameSource, ModelFrame, Origin, Units
from recon.core.kinds import Kind
from recon.core.registry import load_plugins
from recon.engine.models import frame_of
from recon.output.export_check import check_export

FRAMES = {
    "arbitrary": ModelFrame(),
    "upright": ModelFrame(source=FrameSource.UPRIGHT, is_z_up=True, up_error_deg=2.0),
    "metres": ModelFrame(Units.METRES, FrameSource.LENGTH, scale_error=0.01),
    "geographic": ModelFrame(Units.GEOGRAPHIC, FrameSource.GPS, True, 2.0, 0.02, Origin(55.7, 13.2, 40.0)),
}


def export(file_format, model, path, frame):
    spec = load_plugins().find(Kind.EXPORTER, file_format).spec
    spec.create(spec.options(), recon.RunContext(frame=frame)).export(model, path)
    return path


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
class TestFrames:
    @pytest.mark.parametrize("file_format", ["colmap", "colmap-text", "ply", "nerfstudio", "glb"])
    def test_the_export_is_the_model_whatever_its_frame(self, synthetic_model, tmp_path, file_format, frame):
        model = synthetic_model()

        assert check_export(model, file_format, export(file_format, model, tmp_path / "x", frame)).problems == ()

    def test_a_ply_file_says_it_in_a_comment(self, synthetic_model, tmp_path, frame):
        content = export("ply", synthetic_model(), tmp_path / "x.ply", frame).read_bytes()

        assert f"comment units: {frame.units}\n".encode() in content

    @pytest.mark.parametrize("file_format", ["colmap", "colmap-text"])
    def test_a_colmap_folder_says_it_in_a_file_beside(self, synthetic_model, tmp_path, file_format, frame):
        assert frame_of(export(file_format, synthetic_model(), tmp_path / "x", frame)) == frame

    def test_a_table_says_it_in_every_row(self, synthetic_model, tmp_path, frame):
        with export("csv", synthetic_model(), tmp_path / "x.csv", frame).open(encoding="utf-8") as stream:
            assert {row["units"] for row in csv.DictReader(stream)} == {frame.units}

    def test_nerfstudios_up_is_the_models(self, synthetic_model, tmp_path, frame):
        folder = export("nerfstudio", synthetic_model(), tmp_path / "x", frame)
        content = json.loads((folder / "transforms.json").read_text("utf-8"))
        up = np.array(content["applied_transform"])[:, :3] @ ((0, 0, 1) if frame.is_z_up else (0, -1, 0))

        assert up.tolist() == [0, 0, 1]
        assert content["recon"]["units"] == frame.units

    def test_gltfs_up_is_the_models(self, synthetic_model, tmp_path, frame):
        content = export("glb", synthetic_model(), tmp_path / "x.glb", frame).read_bytes()
        (length,) = struct.unpack_from("<I", content, 12)
        document = json.loads(content[20 : 20 + length])
        x, y, z, w = document["nodes"][0]["rotation"]
        up = np.array((0, 0, 1.0) if frame.is_z_up else (0, -1.0, 0))
        turned = up + 2 * np.cross((x, y, z), np.cross((x, y, z), up) + w * up)

        assert turned == pytest.approx((0, 1, 0))
        assert document["asset"]["extras"]["units"] == frame.units
