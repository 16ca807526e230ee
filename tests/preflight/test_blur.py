"""Blur is told in pixels, whatever a photo shows, however it is lit and saved."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from recon.matching.images import list_images, load_image
from recon.preflight.blur import BLURRED_PX, find_blurred, measure_sharpness
from recon.preflight.findings import Topic
from recon.preflight.looking import LOOKED_AT_PX

SETS = ("lund_door", "fox", "temple_ring")
ALL_SETS = (
    *SETS,
    *("Herz-Jesus-P8", "alamo4", "berlin", "bonsai", "cyprus", "five_places", "fountain-P11", "lund_walk", "reichstag"),
)


def blurred(grey, sigma):
    return cv2.GaussianBlur(grey, (0, 0), sigma)


def moved(grey, length, angle=0.4):
    """Blur along a line: the camera moved while the shutter was open."""
    kernel, middle = np.zeros((length, length), np.float32), length // 2
    x, y = middle * math.cos(angle), middle * math.sin(angle)
    ends = (round(middle - x), round(middle - y)), (round(middle + x), round(middle + y))
    cv2.line(kernel, *ends, 1.0)
    return cv2.filter2D(grey, -1, kernel / kernel.sum())


def step_edge(sigma, contrast=150):
    """Return a wall that is dark on the left and bright on the right."""
    x = np.arange(400) - 199.5
    profile = np.array([0.5 * (1 + math.erf(value / (sigma * math.sqrt(2)))) for value in x])
    return np.tile(np.clip(20 + contrast * profile, 0, 255).astype(np.uint8), (300, 1))


@pytest.mark.parametrize("sigma", [1.5, 2.5, 4.0])
@pytest.mark.parametrize("contrast", [80, 200])
def test_the_blur_of_an_edge_is_what_it_was_made_with(sigma, contrast):
    measured = measure_sharpness(step_edge(sigma, contrast), 1.0)

    assert measured.blur_px == pytest.approx(sigma, rel=0.15)


def test_blur_is_told_in_the_pixels_that_the_extractor_sees():
    once, twice = (measure_sharpness(step_edge(3.0), scale) for scale in (1.0, 2.0))

    assert once.blur_px is not None
    assert twice.blur_px == pytest.approx(2 * once.blur_px)


def test_more_blur_measures_as_more(sample_grey):
    found = [measure_sharpness(blurred(sample_grey, sigma), 1.0).blur_px for sigma in (0.01, 1, 2, 3, 4, 6)]

    assert None not in found
    assert found == sorted(found)
    assert found[0] < 0.7


@pytest.mark.parametrize("sigma", [3, 4, 6, 8])
def test_a_blurred_photo_is_found_and_the_sharp_ones_are_not(sample_grey, sigma):
    photos = {"sharp1": sample_grey, "sharp2": sample_grey, "soft": blurred(sample_grey, sigma)}
    (finding,) = find_blurred({name: measure_sharpness(grey, 1.0) for name, grey in photos.items()})

    assert (finding.topic, finding.images) == (Topic.BLURRED, ("soft",))


def test_where_all_are_blurred_all_are_found(sample_grey):
    """Only next to each other, they would all look as usual."""
    measured = measure_sharpness(blurred(sample_grey, 4), 1.0)
    findings = find_blurred({"a": measured, "b": measured, "c": measured})

    assert [finding.images for finding in findings] == [("a",), ("b",), ("c",)]


@pytest.mark.parametrize(
    "change",
    [
        lambda grey: grey // 6,
        lambda grey: cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], 0),
        lambda grey: np.clip(grey + np.random.default_rng(0).normal(0, 4, grey.shape), 0, 255).astype(np.uint8),
    ],
    ids=["darkened", "recompressed", "noisy"],
)
def test_what_else_is_wrong_with_a_photo_neither_hides_blur_nor_makes_it(sample_grey, change):
    sharp, soft = (measure_sharpness(change(grey), 1.0) for grey in (sample_grey, blurred(sample_grey, 4)))

    assert sharp.blur_px is not None
    assert soft.blur_px is not None
    assert sharp.blur_px < 0.7
    assert soft.blur_px > BLURRED_PX


def test_motion_is_told_from_a_lens_out_of_focus(sample_grey):
    photos = {"still": sample_grey, "moved": moved(sample_grey, 15)}
    (finding,) = find_blurred({name: measure_sharpness(grey, 1.0) for name, grey in photos.items()})

    assert (finding.topic, finding.images) == (Topic.MOTION_BLUR, ("moved",))


@pytest.mark.parametrize(
    "grey",
    [
        np.full((300, 400), 128, np.uint8),
        np.tile(np.linspace(90, 160, 400).astype(np.uint8), (300, 1)),
        np.clip(128 + np.random.default_rng(0).normal(0, 2, (300, 400)), 0, 255).astype(np.uint8),
        np.zeros((16, 16), np.uint8),
        np.zeros((16, 4000), np.uint8),
    ],
    ids=["flat", "slope", "noise", "tiny", "strip"],
)
def test_a_photo_without_texture_is_not_called_blurred(grey):
    measured = measure_sharpness(grey, 1.0)
    (finding,) = find_blurred({"bare": measured})

    assert measured.blur_px is None
    assert finding.topic is Topic.TEXTURELESS


def grey_photos(folder, every=1):
    for image in list_images(folder / "images").images[::every]:
        pixels = load_image(image, LOOKED_AT_PX).pixels
        yield cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), min(1600, max(image.width, image.height)) / max(pixels.shape)


@pytest.mark.photos
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("sigma", [3, 5, 8])
def test_every_blurred_photo_of_a_real_set_is_found(photo_set, name, sigma):
    measured = {
        str(number): measure_sharpness(blurred(grey, sigma / scale), scale)
        for number, (grey, scale) in enumerate(grey_photos(photo_set(name), every=6))
    }

    assert [finding.images for finding in find_blurred(measured)] == [(number,) for number in measured]


@pytest.mark.photos
@pytest.mark.slow
@pytest.mark.parametrize("name", ALL_SETS)
def test_no_real_photo_is_called_blurred(photo_set, name):
    """A warning that is wrong every third time is not read."""
    photos = enumerate(grey_photos(photo_set(name)))

    assert find_blurred({str(number): measure_sharpness(grey, scale) for number, (grey, scale) in photos}) == []
