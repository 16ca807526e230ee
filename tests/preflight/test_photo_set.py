"""A set as a whole: every defect made one by one, from photos of the sample set, is found, and nothing else is."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest

from recon.core.events import Progress
from recon.matching.cameras import CameraOptions
from recon.matching.images import list_images
from recon.preflight.findings import Severity, Topic
from recon.preflight.photo_set import check_photo_set

HARMLESS = {Topic.SAME_VIEW, Topic.NO_FOCAL_LENGTH, Topic.MIXED_SIZES, Topic.ORIENTATION}


@pytest.fixture
def photos(sample_photos, tmp_path):
    """Return a folder with four photos of the sample set, two steps apart."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in sorted(sample_photos.iterdir())[:8:2]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture
def first(photos):
    return sorted(photos.iterdir())[0]


def check(folder, threads=1, **options):
    return check_photo_set(list_images(folder), CameraOptions(), threads, **options)


def notable(found):
    return {(each.topic, each.images) for each in found.findings if each.topic not in HARMLESS}


def change(path, function, to=None):
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(to or path), function(pixels), [cv2.IMWRITE_JPEG_QUALITY, 92])


def test_good_photos_have_no_faults(photos):
    found = check(photos)

    assert notable(found) == set()
    assert found.is_usable
    assert found.recommended() == [path.name for path in sorted(photos.iterdir())]


DEFECTS = {
    Topic.BLURRED: lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 4),
    Topic.TOO_DARK: lambda pixels: pixels // 8,
    Topic.TEXTURELESS: lambda pixels: np.full_like(pixels, 120),
    Topic.TOO_BRIGHT: lambda pixels: np.clip(pixels * 0.08 + 238, 0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("topic", DEFECTS)
def test_a_poor_photo_is_found_and_not_recommended(photos, first, topic):
    change(first, DEFECTS[topic])
    found = check(photos)

    assert (topic, (first.name,)) in notable(found)
    assert {images for _, images in notable(found)} == {(first.name,)}
    assert first.name not in found.recommended()
    assert len(found.recommended()) == 3


def test_a_copied_file_is_found_and_kept_once(photos, first):
    shutil.copy(first, photos / "copy.jpg")
    found = check(photos)

    assert notable(found) == {(Topic.SAME_FILE, (first.name, "copy.jpg"))}
    assert found.recommended() == [path.name for path in sorted(photos.iterdir()) if path.name != "copy.jpg"]


def test_a_picture_saved_again_smaller_is_found(photos, first):
    change(
        first, lambda pixels: cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), photos / "s.jpg"
    )

    assert notable(check(photos)) == {(Topic.SAME_PICTURE, (first.name, "s.jpg"))}


def test_of_two_copies_the_good_one_is_kept(photos, first):
    shutil.copy(first, photos / "copy.jpg")
    change(first, DEFECTS[Topic.TOO_DARK])
    found = check(photos)

    assert "copy.jpg" in found.recommended()
    assert first.name not in found.recommended()


def test_a_mirrored_copy_is_found(photos, first):
    change(first, lambda pixels: pixels[:, ::-1], photos / "mirrored.jpg")

    assert notable(check(photos)) == {(Topic.TURNED_COPY, (first.name, "mirrored.jpg"))}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"some text, no picture", "no JPEG"),
        (b"\xff\xd8\xff\xe0 broken", "damaged"),
    ],
    ids=["empty", "text", "broken"],
)
def test_a_file_that_is_no_photo_is_named_with_the_cause(photos, content, words):
    (photos / "bad.jpg").write_bytes(content)
    found = check(photos)
    (finding,) = [each for each in found.findings if each.topic is Topic.UNREADABLE]

    assert finding.images == ("bad.jpg",)
    assert words in finding.detail
    assert found.is_usable
    assert len(found.looks) == 4


def test_a_truncated_photo_is_named(photos, first):
    first.write_bytes(first.read_bytes()[:2000])

    assert notable(check(photos)) == {(Topic.UNREADABLE, (first.name,))}


def test_names_that_differ_in_capitals_are_found(photos, first):
    sideways = photos / "Z.jpg"
    change(first, lambda pixels: pixels[:, : pixels.shape[1] // 2], sideways)
    shutil.copy(sorted(photos.iterdir())[1], photos / "z.jpg")

    assert Topic.NAME_CLASH in {topic for topic, _ in notable(check(photos))}


def test_copies_of_one_picture_are_no_photo_set(photos, first):
    for path in sorted(photos.iterdir())[1:]:
        path.unlink()
    shutil.copy(first, photos / "copy.jpg")
    found = check(photos)

    assert not found.is_usable
    assert found.findings[0].topic is Topic.TOO_FEW_PHOTOS
    assert found.findings[0].severity is Severity.PROBLEM


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_photos_are_no_photo_set(photos, number):
    for path in sorted(photos.iterdir())[number:]:
        path.unlink()
    (photos / "notes.txt").write_text("no photo")
    found = check(photos)

    assert not found.is_usable
    assert len(found.looks) == number
    assert found.findings[0].topic is Topic.TOO_FEW_PHOTOS


def test_threads_change_nothing(photos):
    one, three = (check(photos, threads) for threads in (1, 3))

    assert one.findings == three.findings
    assert [look.sharpness for look in one.looks] == [look.sharpness for look in three.looks]


def test_progress_is_told(photos):
    events = []
    check(photos, observer=events.append)

    assert [event.done for event in events if isinstance(event, Progress)] == [1, 2, 3, 4]
