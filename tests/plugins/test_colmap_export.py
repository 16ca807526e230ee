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
