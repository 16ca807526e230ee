"""The criterion finds the model that made the matches, and chance is not taken for agreement."""

from __future__ import annotations

import numpy as np
import pytest

from recon.registration.fitting import fit_model
from recon.registration.planar import PLANAR, Frame, Model, map_points
from recon.registration.selection import gric, log10_false_alarms, noise_px

SIZE = (1000, 800)
TRUTHS = {
    Model.SIMILARITY: np.array([[0.9, -0.2, 30], [0.2, 0.9, -20], [0, 0, 1]]),
    Model.AFFINE: np.array([[0.9, -0.1, 30], [0.2, 1.1, -20], [0, 0, 1]]),
    Model.HOMOGRAPHY: np.array([[0.9, -0.1, 30], [0.2, 1.1, -20], [2e-4, 1e-4, 1]]),
}


def scatter(count, rng):
    return rng.uniform((0, 0), SIZE, (count, 2))


def seen_by_two_cameras(count, rng):
    """Return positions of points of a deep scene in two photos, the second taken from the side and turned."""
    points = np.column_stack([rng.uniform(-3, 3, (count, 2)), rng.uniform(4, 9, count)])
    angle = 0.1
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    both = []
    for rotation, shift in ((np.eye(3), np.zeros(3)), (turn, np.array([-0.8, 0.1, 0.2]))):
        seen = points @ rotation.T + shift
        both.append(800 * seen[:, :2] / seen[:, 2:] + np.array(SIZE) / 2)
    return both


def fits_of(xy1, xy2):
    found = {model: fit_model(model, xy1, xy2, Frame.of(SIZE), 3.0, 0) for model in Model}
    return {model: fit for model, fit in found.items() if fit is not None}


def chosen(xy1, xy2):
    fits = fits_of(xy1, xy2)
    scores = gric(fits, noise_px(fits))
    return min(scores, key=lambda model: scores[model])


@pytest.mark.parametrize("wrong", [0, 100])
@pytest.mark.parametrize("truth", PLANAR)
def test_the_model_that_made_the_matches_is_chosen(truth, wrong):
    """Also with a third of them wrong, which fit an epipolar geometry more often than a plane."""
    rng = np.random.default_rng(1)
    xy1 = scatter(200, rng)
    xy2 = map_points(TRUTHS[truth], xy1) + rng.normal(0, 0.5, xy1.shape)
    xy1 = np.vstack([xy1 + rng.normal(0, 0.5, xy1.shape), scatter(wrong, rng)])
    xy2 = np.vstack([xy2, scatter(wrong, rng)])

    assert chosen(xy1, xy2) is truth


def test_a_deep_scene_is_epipolar():
    rng = np.random.default_rng(2)
    xy1, xy2 = (xy + rng.normal(0, 0.5, xy.shape) for xy in seen_by_two_cameras(200, rng))

    assert chosen(xy1, xy2) is Model.EPIPOLAR


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("seed", range(3))
def test_wrong_matches_alone_are_chance(model, seed):
    rng = np.random.default_rng(seed)
    fit = fit_model(model, scatter(150, rng), scatter(150, rng), Frame.of(SIZE), 3.0, seed)

    assert fit is None or log10_false_alarms(fit, SIZE, SIZE, 3.0) > -4


@pytest.mark.parametrize("truth", PLANAR)
def test_twenty_true_matches_among_sixty_are_no_chance(truth):
    rng = np.random.default_rng(3)
    xy1 = scatter(60, rng)
    xy2 = np.vstack([map_points(TRUTHS[truth], xy1[:20]), scatter(40, rng)])
    fit = fits_of(xy1, xy2)[truth]

    assert log10_false_alarms(fit, SIZE, SIZE, 3.0) < -4
    assert fit.is_inlier[:20].all()
    assert map_points(fit.matrix, xy1[:20]) == pytest.approx(xy2[:20], abs=1e-3)


def test_equal_seeds_give_equal_fits():
    rng = np.random.default_rng(4)
    xy1 = scatter(80, rng)
    xy2 = np.vstack([map_points(TRUTHS[Model.HOMOGRAPHY], xy1[:40]) + rng.normal(0, 1, (40, 2)), scatter(40, rng)])
    first, second = fits_of(xy1, xy2), fits_of(xy1, xy2)

    assert all(np.array_equal(first[model].matrix, second[model].matrix) for model in first)
