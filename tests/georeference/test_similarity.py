"""Changes of frame keep their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.georeference.similarity import (
    Measured,
    Similarity,
    _rotation,
    free_similarity,
    level_similarity,
    move_model,
    refine_similarity,
    rotation_to_z,
)

VECTORS = st.tuples(*[st.floats(-3, 3)] * 3).map(np.array)
POINTS = np.random.default_rng(0).uniform(-10, 10, (12, 3))


@given(VECTORS.filter(lambda vector: np.linalg.norm(vector) > 1e-3))
def test_up_turns_to_z_by_a_rotation(vector):
    up = vector / np.linalg.norm(vector)
    rotation = rotation_to_z(up)

    assert rotation @ up == pytest.approx((0, 0, 1), abs=1e-9)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)


@given(st.floats(0.01, 100), VECTORS, VECTORS)
def test_positions_alone_give_a_similarity_back(scale, turn, shift):
    true = Similarity(scale, _rotation(turn), shift)
    found = free_similarity(Measured(POINTS, true(POINTS), np.ones((12, 3))), np.ones(12))

    assert found(POINTS) == pytest.approx(true(POINTS), abs=1e-8 * (1 + scale))


@given(st.floats(0.01, 100), VECTORS, VECTORS)
def test_up_and_positions_give_it_back_too(scale, turn, shift):
    true = Similarity(scale, _rotation(turn), shift)
    up = true.rotation.T @ (0, 0, 1)
    found = level_similarity(Measured(POINTS, true(POINTS), np.ones((12, 3)), up, 0.01), np.ones(12))

    assert found(POINTS) == pytest.approx(true(POINTS), abs=1e-7 * (1 + scale))


def test_points_on_a_line_and_in_one_place_give_none():
    line = POINTS[:, :1] * (1.0, 2.0, 3.0)

    assert free_similarity(Measured(line, line, np.ones((12, 3))), np.ones(12)) is None
    one = np.ones((4, 3))
    assert level_similarity(Measured(one, POINTS[:4], one, np.array([0, 0, 1.0]), 0.1), np.ones(4)) is None


def test_standard_errors_are_what_noise_makes():
    """Of the scale and of up, over many draws of noise."""
    up, sigmas = np.array([0, 0, 1.0]), np.tile([0.5, 0.5, 1.0], (12, 1))
    scales, tilts = [], []
    for seed in range(200):
        random = np.random.default_rng(seed)
        tilt = random.normal(0, 0.05, 2)
        noisy_up = np.array([*tilt, 1.0]) / np.linalg.norm([*tilt, 1.0])
        measured = Measured(POINTS, POINTS + random.normal(0, sigmas), sigmas, noisy_up, 0.05)
        found, errors = refine_similarity(Similarity(1.0, np.eye(3), np.zeros(3)), measured)
        scales.append((found.scale - 1) / errors.scale)
        tilts.append(np.degrees(np.arccos(min((found.rotation @ up)[2], 1.0))) / errors.tilt_deg)

    assert np.std(scales) == pytest.approx(1, abs=0.15)
    assert np.sqrt(np.mean(np.square(tilts)) / 2) == pytest.approx(1, abs=0.2)  # two directions


def test_a_model_is_moved_as_its_points_are(synthetic_model):
    model = synthetic_model()
    similarity = Similarity(2.5, _rotation(np.array([0.3, -1.0, 0.7])), np.array([1.0, 2.0, 3.0]))
    centers = np.array([model.image(i).projection_center() for i in sorted(model.reg_image_ids())])
    before = model.compute_mean_reprojection_error()
    move_model(model, similarity)
    moved = np.array([model.image(i).projection_center() for i in sorted(model.reg_image_ids())])

    assert moved == pytest.approx(similarity(centers))
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() == pytest.approx(before, abs=1e-9)
