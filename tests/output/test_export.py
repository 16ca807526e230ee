"""COLMAP's formats, written, checked and never half."""

from __future__ import annotations

import pycolmap
import pytest

from recon.output import export as export_module
from recon.output.export import write_colmap


@pytest.mark.parametrize("text", [False, True])
def test_what_is_written_reads_back_exactly(tmp_path, synthetic_model, text):
    model = synthetic_model()
    write_colmap(model, tmp_path / "modèle 中", text=text)

    copy = pycolmap.Reconstruction(str(tmp_path / "modèle 中"))

    assert sorted(copy.reg_image_ids()) == sorted(model.reg_image_ids())
    for image_id in model.reg_image_ids():
        assert copy.image(image_id).name == model.image(image_id).name
        pose, expected = copy.image(image_id).cam_from_world(), model.image(image_id).cam_from_world()
        assert pose.matrix() == pytest.approx(expected.matrix(), abs=1e-15)
    for point_id, point in model.points3D.items():
        assert copy.point3D(point_id).xyz == pytest.approx(point.xyz, abs=1e-15)
        assert tuple(copy.point3D(point_id).color) == tuple(point.color)


def test_text_has_a_decimal_point_in_every_locale(tmp_path, synthetic_model):
    """A comma would make every number two."""
    write_colmap(synthetic_model(), tmp_path, text=True)

    for stem in ("cameras", "images", "points3D"):
        lines = (tmp_path / f"{stem}.txt").read_text().splitlines()
        assert not any("," in line for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("stem", ["points3D", "images"])
def test_files_cut_short_by_a_full_disk_are_noticed(tmp_path, synthetic_model, monkeypatch, text, stem):
    """pycolmap's streams say nothing of it, and from some such files its reader never returns."""
    write = pycolmap.Reconstruction.write_text if text else pycolmap.Reconstruction.write_binary

    class CutShort(pycolmap.Reconstruction):
        def _cut(self, folder):
            write(self, folder)
            file = tmp_path / f"{stem}.{'txt' if text else 'bin'}"
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

        write_text = write_binary = _cut

    with pytest.raises(OSError, match="incomplete"):
        export_module.write_colmap(CutShort(synthetic_model()), tmp_path, text=text)


def test_the_model_is_not_changed(tmp_path, synthetic_model):
    model = synthetic_model()
    before = model.summary()
    write_colmap(model, tmp_path)

    assert model.summary() == before
