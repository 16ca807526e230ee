"""VisualSFM's NVM_V3 as a plugin, against its description and against COLMAP's own converter."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest
import recon_plugins.nvm_export as plugin

import recon
from recon.engine.models import read_model
from recon.output.undistortion import undistorted


def export(model, path, notes=None):
    (spec,) = plugin.recon_exporters()
    context = recon.RunContext(note=(notes if notes is not None else []).append)
    spec.create(spec.options(), context).export(model, path)
    return [line for line in path.read_text("utf-8").split("\n") if line.strip()]


@pytest.mark.colmap
def test_it_says_what_colmap_38_says_but_for_the_lens(finished_run, tmp_path, colmap_converter):
    """COLMAP 3.8 counts positions from the corner, and turns its own distortion's sign instead of inverting it."""
    model = read_model(finished_run)
    (theirs,) = colmap_converter(model, "NVM", "out.nvm")
    expected = [line for line in theirs.read_text().split("\n") if line.strip()]
    lines = export(model, tmp_path / "made.nvm")

    count = int(expected[1])
    assert lines[:2] == ["NVM_V3", str(count)]
    (camera,) = model.cameras.values()
    for line, other in zip(lines[2 : 2 + count], expected[2 : 2 + count], strict=True):
        (name, *ours), (other_name, *numbers) = line.split(), other.split()
        assert name == other_name
        assert np.array(ours, float)[:8] == pytest.approx(np.array(numbers, float)[:8], rel=1e-12, abs=1e-12)
        assert float(ours[8]) == pytest.approx(float(numbers[8]), rel=0.25)
    assert int(lines[2 + count]) == int(expected[2 + count]) == model.num_points3D()
    middle = camera.params[1:3]
    ours = _points(lines[3 + count : 3 + count + model.num_points3D()], middle)
    numbers = _points(expected[3 + count : 3 + count + model.num_points3D()], (0, 0))
    assert ours == pytest.approx(numbers, abs=0.01)  # it prints 6 digits of a position


def _points(lines, middle):
    """Return one row of numbers for all points by position: position, colour, and sightings from the corner."""
    points = []
    for line in lines:
        numbers = np.array(line.split(), np.float64)
        views = numbers[7:].reshape(-1, 4) + np.array([0, 0, *middle])
        points.append((numbers[:7].tolist(), sorted(views.tolist())))
    return np.concatenate([np.array([*head, *np.ravel(views)]) for head, views in sorted(points)])


def test_a_lens_without_distortion_is_exact_and_needs_no_word(finished_run, tmp_path):
    """What `recon export OUT gsplat DIR` makes of any model."""
    notes = []
    lines = export(undistorted(read_model(finished_run)), tmp_path / "made.nvm", notes)

    assert notes == []
    assert {line.split()[9] for line in lines[2:8]} == {"-0.0"} or {line.split()[9] for line in lines[2:8]} == {"0.0"}


def test_how_well_the_lens_fits_is_said(finished_run, tmp_path):
    notes = []
    export(read_model(finished_run), tmp_path / "made.nvm", notes)

    assert len(notes) == 1
    assert "px off on average" in notes[0]


def test_a_lens_that_does_not_fit_is_refused(synthetic_model, tmp_path):
    model = synthetic_model()
    (camera,) = model.cameras.values()
    camera.model, camera.width, camera.height = pycolmap.CameraModelId.SIMPLE_RADIAL, 1024, 768
    camera.params = [500.0, 512.0, 384.0, -0.3]

    with pytest.raises(recon.UsageError, match="px on average") as caught:
        export(model, tmp_path / "made.nvm")
    assert "gsplat" in caught.value.try_
    assert not (tmp_path / "made.nvm").exists()


def test_a_blank_in_a_name_becomes_a_quotation_mark(synthetic_model, tmp_path):
    model = synthetic_model()
    first = model.image(sorted(model.reg_image_ids())[0])
    first.name = "a b c.jpg"

    assert any(line.startswith('a"b"c.jpg ') for line in export(model, tmp_path / "made.nvm"))
