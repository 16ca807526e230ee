"""GPS: how far photos spread, and which positions cannot be true."""

from __future__ import annotations

import pytest
from PIL import Image as PillowImage

from recon.matching.images import list_images
from recon.preflight.findings import Topic
from recon.preflight.places import find_gps_problems, has_unusable_position, locate


def at(image_file, name, latitude, longitude, altitude=10.0):
    return image_file(name, latitude_deg=latitude, longitude_deg=longitude, altitude_m=altitude)


def test_the_span_is_in_metres(image_file):
    """A thousandth of a degree is 111 m to the north, and half of it to the east at 60 degrees."""
    north = locate([at(image_file, "a", 60.0, 10.0), at(image_file, "b", 60.001, 10.0, 14.0)])
    east = locate([at(image_file, "a", 60.0, 10.0), at(image_file, "b", 60.0, 10.001)])

    assert north.span_m == pytest.approx(111.3, abs=0.5)
    assert north.altitude_span_m == pytest.approx(4.0)
    assert east.span_m == pytest.approx(55.7, abs=0.5)


def test_the_date_line_is_no_distance(image_file):
    places = locate([at(image_file, "a", 0.0, 179.9999), at(image_file, "b", 0.0, -179.9999)])

    assert places.span_m == pytest.approx(22.3, abs=0.5)


def test_a_position_far_from_all_others_is_absurd(image_file):
    images = [at(image_file, f"{number}", 55.7 + number * 1e-5, 13.2) for number in range(5)]
    images.append(at(image_file, "far", 48.0, 2.0))
    places = locate(images)
    (finding,) = find_gps_problems(images, places)

    assert (finding.topic, finding.images) == (Topic.GPS_ABSURD, ("far",))
    assert places.span_m == pytest.approx(4.45, abs=0.1)


def test_a_long_flight_is_not_absurd(image_file):
    images = [at(image_file, f"{number}", 55.0 + number * 0.01, 13.0) for number in range(10)]

    assert locate(images).absurd == {}


def test_an_altitude_beyond_the_mountains_is_absurd(image_file):
    images = [at(image_file, "a", 55.0, 13.0), at(image_file, "b", 55.0, 13.0, 20_000.0)]

    assert list(locate(images).absurd) == ["b"]


def test_photos_without_a_position_are_counted_where_others_have_one(image_file):
    images = [at(image_file, "a", 55.0, 13.0), image_file("b")]
    (finding,) = find_gps_problems(images, locate(images))

    assert (finding.topic, finding.images) == (Topic.GPS_PARTIAL, ("b",))


def test_no_gps_at_all_is_nothing_to_tell(image_file):
    images = [image_file("a"), image_file("b")]
    places = locate(images)

    assert (places.num_positions, places.span_m, places.absurd) == (0, None, {})
    assert find_gps_problems(images, places) == []


@pytest.mark.parametrize(
    ("gps", "is_unusable"),
    [
        ({1: "N", 2: (99.0, 0.0, 0.0), 3: "E", 4: (13.0, 0.0, 0.0)}, True),
        ({1: "N", 2: (55.0, 0.0, 0.0), 3: "E", 4: (13.0, 0.0, 0.0)}, False),
        ({}, False),
    ],
    ids=["beyond the pole", "a place", "none"],
)
def test_tags_that_are_no_place_are_noticed(tmp_path, gps, is_unusable):
    tags = PillowImage.Exif()
    if gps:
        tags[0x8825] = gps
    PillowImage.new("RGB", (64, 48)).save(tmp_path / "a.jpg", exif=tags)
    (image,) = list_images(tmp_path).images

    assert has_unusable_position(image) is is_unusable
