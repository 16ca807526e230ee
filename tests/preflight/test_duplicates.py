"""A picture that is there twice is found however it was saved; neighbours of a burst are told from it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from recon.matching.images import list_images, load_image
from recon.preflight.duplicates import find_alike, find_duplicates, find_same_files, take_fingerprint
from recon.preflight.findings import Topic


def saved_at(quality):
    return lambda grey: cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)


COPIES = {
    "recompressed": saved_at(30),
    "half": lambda grey: cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "quarter": lambda grey: cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA),
    "brighter": lambda grey: cv2.convertScaleAbs(grey, alpha=1.15, beta=12),
    "softer": lambda grey: cv2.GaussianBlur(grey, (0, 0), 1.5),
    "trimmed": lambda grey: grey[2:-2, 3:-3],
}
TURNS = {
    "mirrored": lambda grey: grey[:, ::-1],
    "upside down": lambda grey: grey[::-1, ::-1],
    "turned by 90 degrees": lambda grey: np.rot90(grey),
    "turned by 270 degrees": lambda grey: np.rot90(grey, 3),
}


def findings_of(image_file, **photos):
    prints = {name: take_fingerprint(np.ascontiguousarray(grey)) for name, grey in photos.items()}
    return find_duplicates([image_file(name) for name in photos], prints)


@pytest.fixture(scope="module")
def greys(sample_photos):
    paths = sorted(sample_photos.iterdir())
    return {path.name: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_is_found_however_it_was_saved(image_file, sample_grey, change):
    (finding,) = findings_of(image_file, original=sample_grey, copy=COPIES[change](sample_grey))

    assert (finding.topic, finding.images) == (Topic.SAME_PICTURE, ("original", "copy"))


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_copy_is_found_and_how_it_was_turned(image_file, sample_grey, turn):
    (finding,) = findings_of(image_file, original=sample_grey, copy=TURNS[turn](sample_grey))

    assert finding.topic is Topic.TURNED_COPY
    assert turn.split()[-1] in finding.detail  # which of two quarter turns depends on whose turn it is


def test_equal_files_are_found_by_their_digests(image_file):
    first, second, third = (image_file(name) for name in ("a.jpg", "b.jpg", "c.jpg"))
    images = [first, second, replace(third, digest=first.digest)]

    assert find_same_files(images) == [["a.jpg", "c.jpg"]]


def test_photos_of_one_place_are_no_copies(image_file, greys):
    topics = {finding.topic for finding in findings_of(image_file, **greys)}

    assert topics <= {Topic.SAME_VIEW}


def test_a_small_step_is_a_neighbour_and_no_copy(image_file, sample_grey):
    """One and a half percent of the width to the side, as from frame to frame of a video."""
    step = sample_grey.shape[1] * 3 // 200
    (finding,) = findings_of(image_file, first=sample_grey[:, step:], second=sample_grey[:, :-step])

    assert finding.topic is Topic.SAME_VIEW
    assert finding.images == ("first", "second")


def test_bare_photos_are_not_alike_for_showing_nothing(image_file):
    random = np.random.default_rng(0)
    bare = [np.full((300, 400), 100, np.uint8), np.full((300, 400), 140, np.uint8)]
    noise = [np.clip(128 + random.normal(0, 3, (300, 400)), 0, 255).astype(np.uint8) for _ in range(2)]

    assert findings_of(image_file, a=bare[0], b=bare[1], c=noise[0], d=noise[1]) == []


def test_no_photo_and_one_photo_have_no_copies(sample_grey):
    assert find_alike({}) == []
    assert find_alike({"a": take_fingerprint(sample_grey)}) == []


@pytest.mark.photos
@pytest.mark.parametrize("name", ["lund_door", "temple_ring", "Herz-Jesus-P8", "berlin", "cyprus", "five_places"])
def test_no_two_photos_of_a_real_set_are_copies(photo_set, name):
    prints = {}
    for image in list_images(photo_set(name) / "images").images:
        prints[image.name] = take_fingerprint(cv2.cvtColor(load_image(image, 960).pixels, cv2.COLOR_RGB2GRAY))

    assert [each for each in find_alike(prints) if each.correlation >= 0.9] == []
