"""Features as their photo is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from recon import Features, ImageFile
from recon.core.components import FeatureExtractor
from recon.matching.extraction import Extraction
from recon.matching.images import list_images
from recon.matching.upright import as_shown


class FourCorners(FeatureExtractor):
    """Finds the corners of whatever it sees, each looking down and to the right."""

    def extract(self, image):
        width, height = image.size
        xy = np.array([[1, 2], [width - 3, 4], [5, height - 6], [width - 7, height - 8]], np.float32)
        angles = np.full(4, 0.3, np.float32)
        return Features(xy, np.eye(4, dtype=np.float32), image.size, np.ones(4, np.float32), None, angles)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_matcher_sees_what_the_extractor_said(tmp_path: Path, orientation: int) -> None:
    """At the size at which the extractor saw the photo: then nothing but the turn is undone."""
    tags = Picture.Exif()
    tags[0x0112] = orientation
    Picture.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "a.jpg", exif=tags)
    (photo,) = list_images(tmp_path).images
    on_sensor, _ = Extraction(FourCorners(), 60, True).extract(photo)
    shown = as_shown(on_sensor, photo)

    width, height = shown.image_size
    assert (width > height) == (orientation < 5)
    expected = [[1, 2], [width - 3, 4], [5, height - 6], [width - 7, height - 8]]
    np.testing.assert_allclose(shown.keypoints, expected, atol=1e-4)
    np.testing.assert_allclose(shown.orientations_rad, 0.3, atol=1e-6)
    assert shown.descriptors is on_sensor.descriptors


def test_photos_stored_upright_are_left_alone():
    photo = ImageFile("a.jpg", Path("a.jpg"), 60, 40, 1)
    features = Features(np.ones((1, 2), np.float32), np.ones((1, 4), np.float32), (60, 40))

    assert as_shown(features, photo) is features
