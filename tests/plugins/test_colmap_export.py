"""COLMAP's two formats as plugins; the contract of all exporters runs in tests/test_contracts.py."""

from __future__ import annotations

import pytest
import recon_plugins.colmap_export as plugin

import recon
from recon.engine.models import read_model


@pytest.mark.parametrize(("name", "suffix"), [("colmap", ".bin"), ("colmap-text", ".txt")])
def test_a_model_folder_is_written(tmp_path, synthetic_model, name, suffix):
    (spec,) = [spec for spec in plugin.recon_exporters() if spec.name == name]
    exporter = spec.create(spec.options(), recon.RunContext())
    exporter.export(synthetic_model(), tmp_path / "model")

    assert {path.suffix for path in (tmp_path / "model").iterdir()} == {suffix}
    assert read_model(tmp_path / "model").num_reg_images() == 6


@pytest.mark.colmap
@pytest.mark.parametrize("name", ["colmap", "colmap-text"])
def test_colmap_38_sees_the_same_model(tmp_path, finished_run, colmap_program, name):
    """An older program than the library that wrote it, without rigs and frames."""
    (spec,) = [spec for spec in plugin.recon_exporters() if spec.name == name]
    model = read_model(finished_run)
    spec.create(spec.options(), recon.RunContext()).export(model, tmp_path / "model")
    printed = colmap_program("model_analyzer", "--path", tmp_path / "model")

    assert f"Registered images: {model.num_reg_images()}\n" in printed
    assert f"Points: {model.num_points3D()}\n" in printed
    assert f"Observations: {model.compute_num_observations()}\n" in printed
    assert f"Mean reprojection error: {model.compute_mean_reprojection_error():.3f}" in printed


def test_text_refuses_a_name_with_a_blank(tmp_path, synthetic_model):
    """Its readers, pycolmap's too, would stop at the blank and lose the photo."""
    model = synthetic_model()
    model.image(sorted(model.reg_image_ids())[0]).name = "IMG 1.jpg"
    (spec,) = [spec for spec in plugin.recon_exporters() if spec.name == "colmap-text"]

    with pytest.raises(recon.UsageError, match=r"IMG 1\.jpg") as caught:
        spec.create(spec.options(), recon.RunContext()).export(model, tmp_path / "model")
    assert "colmap" in caught.value.try_
    assert not (tmp_path / "model").exists()
