"""Another light moves nothing: the places of a crop stay what they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.learning.photometric import relit

SIZE = 128
NO, YES = 0.99, 0.0
BLUR, STREAK, SHARP = 0.1, 0.22, 0.9
PARTS = {
    "light": (YES, SHARP, NO, NO),
    "brightness": (NO, SHARP, NO, NO),
    "blur": (NO, BLUR, NO, NO),
    "compression": (NO, SHARP, NO, YES),
}
"""What a generator has to say for one change alone: light, sharpness, noise, compression."""


class Told(np.random.Generator):
    """A generator that draws what it is told to between 0 and 1, and all else at random."""

    def __init__(self, seed, *draws):
        super().__init__(np.random.PCG64(seed))
        self._draws = list(draws)

    def random(self, *_):
        return self._draws.pop(0)


def centres():
    random = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(12, SIZE - 8, 16), np.arange(12, SIZE - 8, 16)), axis=2).reshape(-1, 2)
    return grid + random.uniform(-0.5, 0.5, grid.shape)


def image_of_blobs():
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    image = np.full((SIZE, SIZE), 0.3)
    for centre in centres():
        image += 0.4 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 1.5**2))
    return image.astype(np.float32)


def blobs_of(image):
    """Return (N, 2) where the blobs lie: their centres of mass above a plane through what is around them."""
    found = []
    for column, row in np.floor(centres()).astype(int):
        y, x = np.mgrid[row - 7 : row + 8, column - 7 : column + 8] + 0.5
        pixels = image[row - 7 : row + 8, column - 7 : column + 8].astype(float)
        plane = np.stack([x, y, np.ones_like(x)], axis=2)
        edge = np.maximum(abs(y - row - 0.5), abs(x - column - 0.5)) > 6.5
        pixels = pixels - plane @ np.linalg.lstsq(plane[edge], pixels[edge], rcond=None)[0]
        found.append([(pixels * x).sum() / pixels.sum(), (pixels * y).sum() / pixels.sum()])
    return np.array(found)


def moved(image, rng):
    """Return (2,) how far an image's blobs are moved, in the median."""
    return np.abs(np.median(blobs_of(relit(image, rng)) - blobs_of(image), axis=0))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from([0.0, 0.5, 1.0]))
def test_an_image_stays_an_image(seed, spread):
    """float32, as large as before, and between black and white; and what was given is as it was."""
    image = (np.random.default_rng(seed).random((40, 40)) * spread).astype(np.float32)
    before = image.copy()
    found = relit(image, np.random.default_rng(seed))

    assert (found.shape, found.dtype) == ((40, 40), np.float32)
    assert found.min() >= 0
    assert found.max() <= 1
    assert np.array_equal(image, before)


def test_equal_generators_give_equal_images_and_others_others():
    image = image_of_blobs()
    once, again, other = (relit(image, np.random.default_rng(seed)) for seed in (3, 3, 4))

    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


@pytest.mark.parametrize("part", PARTS)
def test_no_change_moves_anything(part):
    """At its strongest, to a twentieth of a pixel."""
    for seed in range(5):
        assert moved(image_of_blobs(), Told(seed, 1.0, *PARTS[part])).max() < 0.05


def test_a_camera_that_moves_moves_nothing_on_the_whole():
    """The picture is where the camera was in the middle of its way."""
    for seed in range(8):
        assert moved(image_of_blobs(), Told(seed, 1.0, NO, STREAK, NO, NO)).max() < 0.05


def test_a_camera_that_moves_a_little_blurs_a_little():
    image = image_of_blobs()
    still, moving = (relit(image, Told(1, 0.4, NO, sharpness, NO, NO)) for sharpness in (SHARP, STREAK))

    assert np.ptp(moving) < 0.98 * np.ptp(still)


def test_all_changes_together_move_nothing():
    """Noise apart, which moves every single blob a little."""

    class Quiet(np.random.Generator):
        def standard_normal(self, size, dtype):
            return np.zeros(size, dtype)

    image = image_of_blobs()
    assert max(moved(image, Quiet(np.random.PCG64(seed))).max() for seed in range(25)) < 0.05


def test_the_weakest_change_is_none():
    """Photos of one set are mostly alike."""
    image = image_of_blobs()

    assert np.abs(relit(image, Told(0, 0.0, YES, SHARP, YES, NO)) - image).max() < 1e-5
