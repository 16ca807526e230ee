"""Sizes and orientations are counted, and edited photos found among their siblings."""

from __future__ import annotations

import pytest

from recon.preflight.findings import Severity, Topic
from recon.preflight.sizes import count_orientations, count_sizes, find_odd_sizes

CAMERA = {"make": "Maker", "model": "Model [bold]"}


def test_one_size_upright_is_nothing_to_tell(image_file):
    assert find_odd_sizes([image_file("a"), image_file("b")]) == []


def test_sizes_are_counted_the_most_frequent_first(image_file):
    images = [image_file("a", 100, 50), image_file("b"), image_file("c")]

    assert count_sizes(images) == [((1600, 1200), 2), ((100, 50), 1)]
    (finding,) = find_odd_sizes(images)
    assert finding.topic is Topic.MIXED_SIZES
    assert "2 of 1600x1200, 1 of 100x50" in finding.detail


@pytest.mark.parametrize(("size", "word"), [((1200, 1600), "turned"), ((1500, 1200), "cropped")])
def test_an_edited_photo_is_found_among_those_of_its_camera(image_file, size, word):
    images = [*(image_file(f"{number}", **CAMERA) for number in range(4)), image_file("odd", *size, **CAMERA)]
    odd = [finding for finding in find_odd_sizes(images) if finding.severity is Severity.WARNING]

    assert [finding.images for finding in odd] == [("odd",)]
    assert word in odd[0].detail


def test_two_cameras_of_different_sizes_are_fine(image_file):
    images = [*(image_file(f"a{n}", **CAMERA) for n in range(4)), *(image_file(f"b{n}", 800, 600) for n in range(4))]

    assert [finding.topic for finding in find_odd_sizes(images)] == [Topic.MIXED_SIZES]


def test_orientations_are_counted_and_named(image_file):
    images = [image_file("a"), image_file("b", orientation=6), image_file("c", orientation=3)]
    (finding,) = find_odd_sizes(images)

    assert count_orientations(images) == {1: 1, 3: 1, 6: 1}
    assert finding.topic is Topic.ORIENTATION
    assert finding.images == ("b", "c")
    assert "upside down" in finding.detail
