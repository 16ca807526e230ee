"""Walls and floors are found among other points."""

from __future__ import annotations

import numpy as np
import pytest

from recon.georeference.planes import large_planes


def room(seed=0):
    random = np.random.default_rng(seed)
    wall = np.column_stack([random.uniform(0, 10, 400), random.normal(0, 0.01, 400), random.uniform(0, 5, 400)])
    floor = np.column_stack([random.uniform(0, 10, (300, 2)), random.normal(0, 0.01, 300)])
    return np.vstack([wall, floor, random.uniform(0, 10, (200, 3))])


def test_the_largest_comes_first_with_its_share():
    first, second = large_planes(room())[:2]

    assert abs(first.normal[1]) > 0.999
    assert abs(second.normal[2]) > 0.999
    assert first.share == pytest.approx(400 / 900, abs=0.08)


def test_the_same_points_give_the_same_planes():
    first, second = ([plane.normal.tolist() for plane in large_planes(room())] for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    "points",
    [np.zeros((0, 3)), np.zeros((500, 3)), np.full((500, 3), np.nan), np.linspace(0, 1, 500)[:, None] * (1, 2, 3)],
    ids=["none", "one place", "nowhere", "a line"],
)
def test_what_has_no_plane_raises_nothing(points):
    for plane in large_planes(points):
        assert np.isfinite(plane.normal).all()


def test_a_cloud_has_no_large_plane():
    assert large_planes(np.random.default_rng(0).normal(0, 1, (2000, 3))) == []
