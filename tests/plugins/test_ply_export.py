"""PLY as a plugin; the contract of all exporters runs in tests/test_contracts.py."""

from __future__ import annotations

import recon_plugins.ply_export as plugin

import recon


def test_a_file_of_points_is_written(tmp_path, synthetic_model):
    (spec,) = plugin.recon_exporters()
    spec.create(spec.options(), recon.RunContext()).export(synthetic_model(), tmp_path / "points.ply")

    assert (tmp_path / "points.ply").read_bytes().startswith(b"ply\n")
