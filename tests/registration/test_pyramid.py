"""Values between pixels, and sizes: exact where they can be, and never half a pixel off."""

from __future__ import annotations

import numpy as np
import pytest

import recon
from recon.registration.pyramid import Level, make_pyramid, num_levels_for


def ramp(width, height):
    """Return grey values that are x + 2 y at the centre of each pixel."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return (x + 2 * y).astype(np.float32)


def test_a_ramp_is_sampled_exactly_between_pixels():
    level = Level(ramp(40, 30), np.ones((30, 40), bool), (1.0, 1.0))
    xy = np.array([[10.0, 7.5], [3.25, 20.6], [30.9, 4.1]])

    assert level.sample(xy) == pytest.approx(xy[:, 0] + 2 * xy[:, 1], abs=1e-4)


@pytest.mark.parametrize("size", [(64, 48), (65, 47), (61, 51)])
def test_no_level_is_shifted_against_another(size):
    """A ramp stays the same ramp at every size, odd ones too: half a pixel of shift would be a whole value."""
    image = recon.Image("ramp", np.repeat(ramp(*size).astype(np.uint8)[..., None], 3, axis=2))
    whole, half, quarter = make_pyramid(image, 3)
    xy = np.array([[30.0, 20.0], [25.5, 31.0]])

    assert half.sample(xy) == pytest.approx(whole.sample(xy), abs=0.1)
    assert quarter.sample(xy) == pytest.approx(whole.sample(xy), abs=0.2)


def test_gradients_are_to_a_pixel_of_the_full_image():
    image = recon.Image("ramp", np.repeat(ramp(64, 48).astype(np.uint8)[..., None], 3, axis=2))
    for level in make_pyramid(image, 3):
        middle = level.gradients()[2:-2, 2:-2].reshape(-1, 2).mean(axis=0)

        assert middle == pytest.approx([1, 2], abs=0.05)


def test_blur_does_not_let_masked_pixels_through():
    grey = np.zeros((40, 40), np.float32)
    grey[:, 20:] = 255
    valid = np.ones((40, 40), bool)
    valid[:, 20:] = False
    blurred = Level(grey, valid, (1.0, 1.0)).blurred(1.5)

    assert blurred.is_valid[:, :10].all()
    assert blurred.grey[blurred.is_valid].max() < 10


def test_positions_beyond_the_edge_or_the_horizon_are_not_contained():
    level = Level(ramp(40, 30), np.ones((30, 40), bool), (1.0, 1.0))

    assert level.contains(np.array([[20.0, 15], [-1, 15], [20, 31], [np.inf, 3], [np.nan, 3]])).tolist() == [
        True,
        *[False] * 4,
    ]


def test_images_are_not_halved_beyond_use():
    assert num_levels_for([(640, 480), (1000, 800)], 48) == 4
    assert num_levels_for([(20, 20)], 48) == 1
