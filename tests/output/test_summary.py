"""The five numbers of a model."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.output.summary import summarise


def test_the_numbers_are_those_of_colmap(synthetic_model):
    model = synthetic_model(images=6, points=120)

    summary = summarise(model)

    assert summary.registered == 6
    assert summary.points3D == 120
    assert summary.observations == model.compute_num_observations()
    assert summary.mean_track_length == pytest.approx(summary.observations / 120)
    assert summary.mean_reprojection_error_px == pytest.approx(0, abs=1e-9)


def test_errors_that_the_file_left_out_are_computed(synthetic_model):
    """A model written by another tool may say -1 for every point."""
    model = synthetic_model().__copy__()
    for point in model.points3D.values():
        point.xyz = point.xyz + np.array([0.01, 0, 0])
        point.error = -1.0

    assert summarise(model).mean_reprojection_error_px > 0.1


def test_an_empty_model_has_zeros():
    assert set(summarise(pycolmap.Reconstruction()).as_dict().values()) == {0}
