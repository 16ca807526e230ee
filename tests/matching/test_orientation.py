"""The laws of the way between seen and sensor pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon import ImageFile
from recon.matching.images import seen_size
from recon.matching.orientation import (
    describe_mirrored,
    from_sensor_pixels,
    is_sideways,
    to_sensor_pixels,
    turned_clockwise,
)

SIDES = st.integers(1, 10_000)
FRACTIONS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=5)


def _image(width, height, orientation):
    return ImageFile("a.jpg", Path("a.jpg"), width, height, orientation)


@given(SIDES, SIDES, st.integers(1, 8), st.integers(1, 4000), FRACTIONS)
def test_one_way_undoes_the_other(width, height, orientation, max_size, fractions):
    image = _image(width, height, orientation)
    seen = seen_size(image, max_size)
    points = np.array(fractions, np.float64).reshape(-1, 2) * seen

    back = from_sensor_pixels(to_sensor_pixels(points, seen, image), seen, image)

    np.testing.assert_allclose(back, points, atol=1e-3, rtol=1e-6)


@given(SIDES, SIDES, st.integers(1, 8), st.integers(1, 4000), FRACTIONS)
def test_what_lies_inside_stays_inside(width, height, orientation, max_size, fractions):
    image = _image(width, height, orientation)
    seen = seen_size(image, max_size)

    on_sensor = to_sensor_pixels(np.array(fractions, np.float64).reshape(-1, 2) * seen, seen, image)

    assert on_sensor.dtype == np.float32
    assert (on_sensor >= 0).all()
    assert (on_sensor <= np.float32([width, height]) * (1 + 1e-6)).all()


@given(SIDES, SIDES, st.integers(1, 8), st.integers(1, 4000))
def test_the_seen_image_is_upright_and_never_enlarged(width, height, orientation, max_size):
    image = _image(width, height, orientation)

    seen = seen_size(image, max_size)

    assert max(seen) == min(max_size, max(width, height))
    assert min(seen) >= 1
    if width > height:
        assert (seen[0] >= seen[1]) != is_sideways(orientation) or seen[0] == seen[1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_centre_of_the_first_pixel_stays_a_pixels_centre(orientation):
    """(0.5, 0.5) is the origin of both: half a pixel of bias would show here."""
    image = _image(7, 4, orientation)

    seen = from_sensor_pixels(np.array([[0.5, 0.5]]), seen_size(image, None), image)

    assert (seen % 1 == 0.5).all()


def test_a_resize_is_a_plain_multiplication():
    on_sensor = to_sensor_pixels(np.array([[0.5, 0.5], [8.0, 3.0]]), (8, 4), _image(16, 12, 1))

    np.testing.assert_array_equal(on_sensor, [[1.0, 1.5], [16.0, 9.0]])


def test_no_keypoints_are_no_keypoints():
    assert to_sensor_pixels(np.zeros((0, 2), np.float32), (8, 4), _image(16, 12, 6)).shape == (0, 2)


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="keypoints"):
        to_sensor_pixels(np.zeros((3, 3)), (8, 4), _image(16, 12, 1))


def test_photos_stored_mirrored_are_named():
    photos = [ImageFile(f"{value}.jpg", Path(f"{value}.jpg"), 60, 40, value) for value in range(1, 9)]

    assert "4 photos are stored mirrored, by EXIF's orientation (2.jpg, 4.jpg, 5.jpg, and 1 more)" in str(
        describe_mirrored(photos)
    )
    assert describe_mirrored([photos[0], photos[5]]) is None


@given(SIDES, SIDES, st.integers(1, 8))
def test_sensor_pixels_turn_into_seen_ones_without_mirroring(width, height, orientation):
    """No camera in space sees a mirror image: x, y and their turn stay right-handed."""
    image = _image(width, height, orientation)
    origin, x_axis, y_axis = to_sensor_pixels(np.array([[0, 0], [1, 0], [0, 1]]), seen_size(image, None), image)

    assert np.linalg.det(np.stack([x_axis - origin, y_axis - origin])) > 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("quarter_turns", range(4))
def test_a_photo_turned_further_is_shown_turned(orientation, quarter_turns):
    from PIL import Image, ImageOps

    stored = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    stored.getexif()[0x0112] = orientation
    shown = np.asarray(ImageOps.exif_transpose(stored))
    stored.getexif()[0x0112] = turned_clockwise(orientation, quarter_turns)

    turned = np.asarray(ImageOps.exif_transpose(stored))
    np.testing.assert_array_equal(turned, np.rot90(shown, -quarter_turns))
