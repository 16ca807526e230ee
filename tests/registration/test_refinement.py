"""What a refinement must not do: follow grey values that say nothing, or worse than the matches did."""

from __future__ import annotations

import numpy as np
import pytest

import recon
from recon.registration.mutual_information import _spline, _spline_bend, _spline_slope
from recon.registration.options import Refinement
from recon.registration.planar import Model, corners_of, map_points
from recon.registration.refinement import refine

SIZE = (384, 300)
TRUTH = np.array([[1.02, 0.03, -6.2], [-0.02, 0.99, 4.4], [5e-5, 3e-5, 1]])
METHODS = [Refinement.SSD, Refinement.ECC, Refinement.MI]


def ignore(step):
    return None


def off_by(matrix, truth=TRUTH):
    return np.linalg.norm(map_points(matrix, corners_of(SIZE)) - map_points(truth, corners_of(SIZE)), axis=1).mean()


@pytest.mark.parametrize("method", METHODS)
def test_two_pixels_off_is_near_enough(method, make_pair):
    start = np.array([[1, 0, 1.5], [0, 1, -1.5], [0, 0, 1]]) @ TRUTH
    refined = refine(*make_pair(TRUTH, noise=3), Model.HOMOGRAPHY, start, method, ignore)

    assert off_by(start) > 2
    assert off_by(refined.matrix) < 0.05
    assert refined.warnings == ()


@pytest.mark.parametrize("method", METHODS)
def test_photos_of_different_things_leave_the_transform_as_it_came(method, make_pair):
    """Matches may be right where grey values are not: what is not better is not used, and a warning says so."""
    image1, _ = make_pair(np.eye(3))
    flat = recon.Image("flat", np.full_like(image1.pixels, 100))
    refined = refine(image1, flat, Model.HOMOGRAPHY, TRUTH, method, ignore)

    assert np.array_equal(refined.matrix, TRUTH)
    assert refined.covariance is None
    assert refined.warnings


@pytest.mark.parametrize("method", [Refinement.SSD, Refinement.ECC])
def test_mutual_information_aligns_a_negative_and_the_others_do_not_claim_to(method, make_pair):
    """They are judged by correlation, which the right place makes worst."""
    start = np.array([[1, 0, 0.7], [0, 1, -0.7], [0, 0, 1]]) @ TRUTH
    images = make_pair(TRUTH, negative=True)
    by_information = refine(*images, Model.HOMOGRAPHY, start, Refinement.MI, ignore)

    assert off_by(by_information.matrix) < 0.05
    by_differences = refine(*images, Model.HOMOGRAPHY, start, method, ignore)

    assert np.array_equal(by_differences.matrix, start)
    assert by_differences.warnings


def test_the_derivatives_of_the_spline_are_its_derivatives():
    distance = np.linspace(-2.2, 2.2, 45) + 0.013
    step = 1e-6

    assert (_spline(distance + step) - _spline(distance - step)) / (2 * step) == pytest.approx(
        _spline_slope(distance), abs=1e-6
    )
    assert (_spline_slope(distance + step) - _spline_slope(distance - step)) / (2 * step) == pytest.approx(
        _spline_bend(distance), abs=1e-5
    )
