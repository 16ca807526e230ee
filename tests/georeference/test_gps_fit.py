"""A model is laid onto GPS positions where they bear it out, and not where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.georeference.gps_fit import NotTrusted, fit_gps
from recon.georeference.similarity import Similarity, _rotation
from recon.georeference.upright import Upright

UNKNOWN_UP = Upright(np.array([0.0, 0.0, 1.0]), 90.0, 0)


def walk(count=20, length=150.0, bend=20.0):
    """Return (N, 3) metres of somebody walking a bent street."""
    along = np.linspace(0, 1, count)
    return np.column_stack([length * along, bend * np.sin(3 * along), 0.5 * along])


def flight(count=24, size=120.0):
    """Return (N, 3) metres of a drone over a field, at two heights."""
    random = np.random.default_rng(3)
    return np.column_stack([random.uniform(0, size, (count, 2)), np.where(np.arange(count) % 2, 30.0, 60.0)])


def hidden(enu, scale=0.05, turn=(0.4, -1.1, 2.0)):
    """Return the places in a model's own frame, and up in it."""
    rotation = _rotation(np.array(turn))
    return Similarity(scale, rotation, np.array([3.0, -2.0, 7.0]))(enu), rotation @ (0, 0, 1)


def measure(enu, noise=1.5, seed=0):
    sigmas = np.tile([5.0, 5.0, 10.0], (len(enu), 1))
    return enu + np.random.default_rng(seed).normal(0, noise, enu.shape) * (1, 1, 2), sigmas


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 1000), st.tuples(*[st.floats(-3, 3)] * 3))
def test_whatever_the_models_frame_the_photos_come_to_their_places(scale, turn):
    enu = walk()
    centers, up = hidden(enu, scale, turn)

    fit = fit_gps(centers, enu, np.tile([5.0, 5.0, 10.0], (len(enu), 1)), Upright(up, 3.0, 0))

    assert fit.similarity(centers) == pytest.approx(enu, abs=1e-3)
    assert fit.is_inlier.all()


def test_noise_averages_out_and_the_errors_say_how_far():
    enu = walk()
    centers, up = hidden(enu)
    for seed in range(5):
        positions, sigmas = measure(enu, noise=5.0, seed=seed)
        fit = fit_gps(centers, positions, sigmas, Upright(up, 3.0, 0))

        assert abs(fit.similarity.scale * 0.05 - 1) < 4 * fit.errors.scale < 0.12
        assert np.linalg.norm(fit.similarity(centers) - enu, axis=1).max() < 15


def test_wrong_positions_are_set_aside_and_named():
    """A receiver that had no fix yet, coordinates with latitude and longitude swapped, a photo from elsewhere."""
    enu = walk()
    centers, up = hidden(enu)
    positions, sigmas = measure(enu)
    positions[3] += (4e6, -5e6, 1000)
    positions[7] += (60, 0, 0)
    positions[11] += (0, -45, 0)

    fit = fit_gps(centers, positions, sigmas, Upright(up, 3.0, 0))

    assert np.flatnonzero(~fit.is_inlier).tolist() == [3, 7, 11]
    assert np.linalg.norm(fit.similarity(centers) - enu, axis=1).max() < 5


def test_altitudes_do_not_tilt_a_street():
    """Three photos of a facade, 15 m apart, altitudes 12 m apart by the receiver's mood: up comes from the photos."""
    enu = np.array([(0.0, 0, 0), (8, 2, 0), (14, 16, 0)])
    centers, up = hidden(enu)
    positions = enu + np.array([(0, 0, -6), (0, 0, 0), (0, 0, 6.0)])

    fit = fit_gps(centers, positions, np.tile([5.0, 5.0, 10.0], (3, 1)), Upright(up, 2.0, 1))

    assert np.degrees(np.arccos((fit.similarity.rotation @ up)[2])) < 2
    assert fit.similarity.scale * 0.05 == pytest.approx(1, abs=0.03)


def test_two_photos_far_apart_tell_scale_and_heading():
    enu = np.array([(0.0, 0, 0), (30, 40, 0)])
    centers, up = hidden(enu)

    fit = fit_gps(centers, enu, np.tile([5.0, 5.0, 10.0], (2, 1)), Upright(up, 2.0, 0))

    assert fit.similarity(centers) == pytest.approx(enu, abs=1e-6)


def test_a_flight_tells_up_where_the_photos_do_not():
    enu = flight()
    centers, up = hidden(enu)
    positions, sigmas = measure(enu)

    fit = fit_gps(centers, positions, sigmas, UNKNOWN_UP)

    assert (fit.similarity.rotation @ up)[2] > np.cos(np.radians(6))


def test_a_flight_overrules_photos_that_look_straight_down():
    """Taken for photos of a wall, their up is off by 90 degrees."""
    enu = flight()
    centers, up = hidden(enu)
    wrong = np.linalg.svd(up[None])[2][1]
    positions, sigmas = measure(enu)

    fit = fit_gps(centers, positions, sigmas, Upright(wrong, 2.0, 1))

    assert (fit.similarity.rotation @ up)[2] > np.cos(np.radians(6))
    assert np.linalg.norm(fit.similarity(centers) - enu, axis=1).max() < 10


@pytest.mark.parametrize(
    ("positions", "why"),
    [
        (walk()[:1], "at least 2"),
        (walk() * 0, "the same position"),
        (walk() * 0.02, "spread by"),
        (np.random.default_rng(1).permutation(walk(bend=80)), "lie"),
    ],
    ids=["one photo", "one place for all", "closer together than the accuracy", "places of other photos"],
)
def test_positions_that_tell_nothing_are_not_used_and_it_says_why(positions, why):
    enu = walk(bend=80)[: len(positions)]
    centers, up = hidden(enu)

    with pytest.raises(NotTrusted, match=why):
        fit_gps(centers, positions, np.tile([5.0, 5.0, 10.0], (len(positions), 1)), Upright(up, 3.0, 0))


@pytest.mark.parametrize("count", [2, 3])
def test_positions_on_two_continents_are_absurd(count):
    """Two photos fit any two positions."""
    enu = np.array([(0.0, 0, 0), (30, 40, 0), (50, 10, 0)])[:count]
    centers, up = hidden(enu)
    positions = np.array([(0.0, 0, 0), (8e6, 2e6, 0), (1e6, -5e6, 0)])[:count]

    with pytest.raises(NotTrusted, match="absurd"):
        fit_gps(centers, positions, np.tile([5.0, 5.0, 10.0], (count, 1)), Upright(up, 3.0, 0))


def test_a_line_of_photos_without_an_upward_direction_is_not_used():
    enu = walk(bend=0)
    centers, _ = hidden(enu)

    with pytest.raises(NotTrusted, match="on a line"):
        fit_gps(centers, enu, np.tile([5.0, 5.0, 10.0], (len(enu), 1)), UNKNOWN_UP)


def test_the_same_input_gives_the_same_answer():
    enu = flight(count=100)
    centers, up = hidden(enu)
    positions, sigmas = measure(enu)
    first, second = (fit_gps(centers, positions, sigmas, Upright(up, 3.0, 0)) for _ in range(2))

    assert first.similarity.scale == second.similarity.scale
    assert (first.similarity.rotation == second.similarity.rotation).all()
