"""The algebra of the planar models: laws, and derivatives against small differences."""

from __future__ import annotations

import numpy as np
import pytest

from recon.registration.planar import (
    PLANAR,
    Frame,
    Model,
    corners_of,
    derivative_at,
    inverse_of,
    is_in_front,
    map_points,
    nearest_similarity,
)

HOMOGRAPHY = np.array([[1.1, 0.1, 12], [-0.05, 0.9, -7], [2e-4, -1e-4, 1]])
XY = np.array([[3.0, 5], [200, 40], [120, 260], [310, 290]])
FRAME = Frame.of((320, 300))


def test_the_inverse_brings_points_back():
    assert map_points(inverse_of(HOMOGRAPHY), map_points(HOMOGRAPHY, XY)) == pytest.approx(XY)


def test_the_derivative_is_that_of_the_map():
    step = 1e-4
    columns = [
        (map_points(HOMOGRAPHY, XY + move) - map_points(HOMOGRAPHY, XY - move)) / (2 * step)
        for move in step * np.eye(2)
    ]

    assert derivative_at(HOMOGRAPHY, XY) == pytest.approx(np.stack(columns, axis=-1), abs=1e-6)


@pytest.mark.parametrize("model", PLANAR)
def test_the_jacobian_is_that_of_a_small_step(model):
    jacobian = FRAME.jacobian(model, XY)
    for index in range(jacobian.shape[2]):
        parameters = np.zeros(jacobian.shape[2])
        parameters[index] = 1e-6
        moved = (map_points(FRAME.step(model, parameters), XY) - XY) / 1e-6

        assert moved == pytest.approx(jacobian[:, :, index], abs=1e-2)


@pytest.mark.parametrize("model", [Model.SIMILARITY, Model.AFFINE])
def test_steps_stay_within_their_model(model):
    """Else a refinement would leave the model that was chosen."""
    count = FRAME.jacobian(model, XY).shape[2]
    matrix = FRAME.step(model, np.linspace(-0.1, 0.2, count)) @ FRAME.step(model, np.linspace(0.3, -0.2, count))

    assert matrix[2] == pytest.approx([0, 0, 1])
    if model is Model.SIMILARITY:
        assert matrix[0, 0] == pytest.approx(matrix[1, 1])
        assert matrix[0, 1] == pytest.approx(-matrix[1, 0])


def test_points_beyond_the_horizon_are_told_from_those_before_it():
    steep = np.array([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1.0]])  # the horizon is x = 100

    assert is_in_front(steep, np.array([[99.0, 0], [101, 0]])).tolist() == [True, False]
    assert is_in_front(-steep, np.array([[99.0, 0], [101, 0]])).tolist() == [True, False]


def test_the_nearest_similarity_of_a_similarity_is_itself():
    matrix = np.array([[0.8, -0.3, 4], [0.3, 0.8, -9], [0, 0, 1]])

    assert nearest_similarity(matrix, corners_of((300, 200))) == pytest.approx(matrix)
