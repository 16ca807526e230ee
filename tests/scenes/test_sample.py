"""The sample set in datasets/ is what the generator makes, and fit to be everybody's first run."""

from __future__ import annotations

import io
import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest
from PIL import Image

from recon.scenes.folder import GENERATOR_VERSION
from recon.scenes.generator import FOCAL_35MM, SAMPLE, image_name, make_scene
from recon.scenes.jpeg import jpeg_bytes
from recon.scenes.truth import truth_of


@pytest.fixture(scope="module")
def truth(sample_photos):
    return json.loads((sample_photos.parent / "gt.json").read_text("utf-8"))["images"]


def test_the_set_names_the_options_that_made_it(sample_photos):
    manifest = json.loads((sample_photos.parent / "scene.json").read_text("utf-8"))

    assert manifest == {"made_by": "recon datasets make", "generator": GENERATOR_VERSION, "options": asdict(SAMPLE)}


def test_there_is_truth_for_every_photo(sample_photos, truth):
    names = sorted(path.name for path in sample_photos.iterdir())

    assert names == [image_name(number) for number in range(SAMPLE.photos)] == list(truth)
    for name in names:
        assert Image.open(sample_photos / name).size == (truth[name]["width"], truth[name]["height"]) == (1024, 768)


def test_the_set_is_small_enough_for_a_repository(sample_photos):
    assert sum(path.stat().st_size for path in sample_photos.iterdir()) < 3_600_000


def test_the_focal_length_in_exif_is_near_the_truth(sample_photos, truth):
    """As with a real lens: near, and not exact."""
    block = Image.open(sample_photos / "0000.jpg").getexif().get_ifd(0x8769)

    assert block[0xA405] == FOCAL_35MM
    diagonal_mm, diagonal_px = np.hypot(36, 24), np.hypot(1024, 768)
    assert FOCAL_35MM / diagonal_mm * diagonal_px == pytest.approx(truth["0000.jpg"]["K"][0][0], rel=0.02)


@pytest.mark.parametrize("name", ["0000.jpg", "0005.jpg", "0015.jpg"])
def test_thousands_of_keypoints_are_found(sample_photos, name):
    photo = cv2.imread(str(sample_photos / name), cv2.IMREAD_GRAYSCALE)

    assert len(cv2.SIFT_create().detect(photo, None)) > 3000


@pytest.mark.slow
def test_the_generator_makes_the_committed_photo_and_truth(sample_photos, truth):
    """Within what another processor or library version may change: a hair of light, never a place."""
    from recon.scenes.render import Stage

    scene = make_scene(SAMPLE, threads=2)
    number = 3
    shot = scene.shots[number]
    pixels = Stage(scene.world, threads=2).photo(shot.camera, shot.sensor, SAMPLE.samples)
    content = jpeg_bytes(pixels, quality=SAMPLE.quality, focal_35mm=FOCAL_35MM, number=number)

    made = np.asarray(Image.open(io.BytesIO(content)), float)
    committed = np.asarray(Image.open(sample_photos / shot.name), float)
    assert np.abs(made - committed).mean() < 1.0
    for name, entry in truth_of(scene.shots)["images"].items():
        assert np.allclose(entry["R"], truth[name]["R"], atol=1e-9)
        assert np.allclose(entry["t"], truth[name]["t"], atol=1e-9)
        assert np.allclose(entry["K"], truth[name]["K"])
        assert entry["dist"] == truth[name]["dist"]
