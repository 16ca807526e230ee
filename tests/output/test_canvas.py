"""Near hides far, whatever comes first, and shapes lie where geometry says."""

from __future__ import annotations

import numpy as np
import pytest

from recon.output.canvas import Canvas
from recon.output.viewpoint import Viewpoint

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)
SIZE = (80, 60)
AHEAD = Viewpoint(np.zeros(3), np.eye(3), (0.8, 0.6), 10.0)
"""At the origin, along z: one unit at distance 1 is 50 pixels."""


def canvas() -> Canvas:
    return Canvas(SIZE, AHEAD)


def colors(color, count=1):
    return np.full((count, 3), color, np.uint8)


def pixels(drawn: Canvas, shade: float = 0.0):
    return drawn.picture(np.zeros((SIZE[1], 1, 3), np.uint8), shade, reach_px=1)


@pytest.mark.parametrize("red_first", [True, False])
def test_the_nearer_disc_hides_the_farther_in_either_order(red_first):
    drawn = canvas()
    discs = [([[0, 0, 5.0]], RED), ([[0, 0, 10.0]], GREEN)]
    for position, color in discs if red_first else discs[::-1]:
        drawn.add_discs(np.array(position), colors(color), radius=0.5, min_radius_px=1)

    assert tuple(pixels(drawn)[30, 40]) == RED


def test_the_nearer_of_two_discs_drawn_together_wins_too():
    drawn = canvas()
    drawn.add_discs(np.array([[0, 0, 5.0], [0, 0, 10.0]]), np.array([RED, GREEN], np.uint8), 0.5, 1)

    assert tuple(pixels(drawn)[30, 40]) == RED


def test_a_disc_is_as_large_as_its_distance_makes_it():
    drawn = canvas()
    drawn.add_discs(np.array([[0, 0, 10.0]]), colors(RED), radius=2.0, min_radius_px=1)
    area = (pixels(drawn) == RED).all(axis=2).sum()

    assert area == pytest.approx(np.pi * (2.0 / 10 * 50) ** 2, rel=0.05)


def test_what_is_behind_the_eye_or_beside_the_picture_is_not_drawn():
    drawn = canvas()
    drawn.add_discs(np.array([[0, 0, -5.0], [100.0, 0, 5], [0, 0, 0]]), colors(RED, 3), 0.5, 1)

    assert not pixels(drawn).any()


def test_a_line_joins_its_ends_without_gaps():
    drawn = canvas()
    drawn.add_lines(np.array([[[-4.0, 0, 8], [4.0, 0, 8]]]), RED, radius_px=1)

    row = (pixels(drawn)[30] == RED).all(axis=1)
    assert row[16:65].all()
    assert not row[:13].any()


def test_a_line_behind_a_disc_is_hidden():
    drawn = canvas()
    drawn.add_discs(np.array([[0, 0, 5.0]]), colors(GREEN), radius=1.0, min_radius_px=1)
    drawn.add_lines(np.array([[[-4.0, 0, 8], [4.0, 0, 8]]]), RED, radius_px=1)

    assert tuple(pixels(drawn)[30, 40]) == GREEN
    assert tuple(pixels(drawn)[30, 20]) == RED


def test_a_step_in_depth_is_darkened_on_its_far_side_only():
    drawn = canvas()
    drawn.add_discs(np.array([[0, 0, 10.0]]), colors(GREEN), radius=4.0, min_radius_px=1)
    drawn.add_discs(np.array([[0, 0, 5.0]]), colors(RED), radius=0.5, min_radius_px=1)
    shaded, plain = pixels(drawn, shade=10.0), pixels(drawn)

    is_red = (plain == RED).all(axis=2)
    assert (shaded[is_red] == RED).all()
    assert shaded[30, 46, 1] < 255  # beside the red disc, of radius 5
    assert shaded[30, 55, 1] == 255


def test_the_background_shows_where_nothing_is():
    backdrop = np.full((SIZE[1], 1, 3), 7, np.uint8)

    assert (canvas().picture(backdrop, 1.0, 1) == 7).all()
