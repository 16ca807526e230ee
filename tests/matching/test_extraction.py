"""Features come back to the pixels of the sensor, each keypoint with the colour under it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from recon.core.data import Features, Image
from recon.core.errors import Cause, ReconError
from recon.matching.extraction import Extraction
from recon.matching.images import list_images

ORIENTATION = 0x0112


class OneKeypoint:
    """Finds one keypoint, at a quarter of the width and an eighth of the height, that looks to the right."""

    def extract(self, image: Image) -> Features:
        width, height = image.size
        return Features(
            np.array([[width / 4, height / 8]], np.float32),
            np.ones((1, 1), np.float32),
            image.size,
            scales_px=np.array([2], np.float32),
            orientations_rad=np.array([0], np.float32),
        )


class Fixed:
    """Answers the same to every image."""

    def __init__(self, answer: Features) -> None:
        self._answer = answer

    def extract(self, image: Image) -> Features:
        return self._answer


@pytest.mark.parametrize(
    ("orientation", "expected", "angle"),
    [
        (1, (24, 8), 0),
        (2, (24, 8), 0),
        (3, (72, 56), math.pi),
        (4, (72, 56), math.pi),
        (5, (84, 16), math.pi / 2),
        (6, (12, 48), -math.pi / 2),
        (7, (12, 48), -math.pi / 2),
        (8, (84, 16), math.pi / 2),
    ],
)
def test_keypoints_come_back_to_the_sensor(orientation, expected, angle, photo) -> None:
    """A quarter from the left and an eighth from the top of what is seen, wherever that lies on the sensor.

    What is stored mirrored (2, 4, 5, 7) lies there as if it were not.
    """
    tags = PillowImage.Exif()
    tags[ORIENTATION] = orientation
    path = photo(width=96, height=64, exif=tags)

    (image,) = list_images(path.parent).images

    features, _ = Extraction(OneKeypoint(), 48, True).extract(image)

    np.testing.assert_allclose(features.keypoints, [expected], atol=1e-4)
    np.testing.assert_allclose(features.scales_px, [4], rtol=0.02)
    difference = (features.orientations_rad[0] - angle + math.pi) % (2 * math.pi) - math.pi
    assert abs(difference) < 1e-5
    assert features.image_size == (96, 64)


def test_each_keypoint_has_the_colour_under_it(tmp_path: Path) -> None:
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:16, :48] = (200, 100, 50)
    PillowImage.fromarray(pixels).save(tmp_path / "a.png")
    (image,) = list_images(tmp_path).images

    _, colours = Extraction(OneKeypoint(), 48, True).extract(image)

    np.testing.assert_array_equal(colours, [[200, 100, 50]])


@pytest.mark.parametrize(
    "answer",
    [
        Features(np.array([[math.nan, 1]], np.float32), np.ones((1, 1), np.float32), (48, 32)),
        Features(np.array([[1, 1]], np.float32), np.ones((1, 1), np.float32), (5, 5)),
    ],
)
def test_an_answer_that_is_no_set_of_positions_blames_the_plugin(answer: Features, photo) -> None:
    (image,) = list_images(photo("a.jpg", width=96, height=64).parent).images

    with pytest.raises(ReconError, match=r"a\.jpg") as caught:
        Extraction(Fixed(answer), 48, True).extract(image)

    assert caught.value.code is Cause.BROKEN_PLUGIN
