"""EXIF as cameras, phones and editors write it, and as they should not."""

from __future__ import annotations

import math

import pytest
from PIL.Image import Exif as PillowExif
from PIL.TiffImagePlugin import IFDRational

from recon import Exif
from recon.matching.exif import read_exif, read_orientation


class _Tags(dict):
    """What Pillow gives, able to hold also what Pillow would not write."""

    def get_ifd(self, tag):
        return self.get(tag, {})


def _tags(photo=None, gps=None, **top):
    return _Tags({int(tag[1:], 16): value for tag, value in top.items()} | {0x8769: photo or {}, 0x8825: gps or {}})


def test_a_photo_without_tags_says_nothing():
    assert read_exif(PillowExif()) == Exif()
    assert read_orientation(PillowExif()) == 1


def test_make_model_lens_and_focal_length_are_read():
    tags = _tags(
        {0x920A: IFDRational(428, 100), 0xA405: 35, 0xA434: "back camera", 0x9003: "2012:01:02 03:04:05"},
        _010f="Apple",
        _0110="iPhone 4S",
    )

    assert read_exif(tags) == Exif(
        make="Apple",
        model="iPhone 4S",
        lens="back camera",
        focal_length_mm=4.28,
        focal_length_35mm_mm=35.0,
        taken_at="2012:01:02 03:04:05",
    )


def test_padding_of_names_is_dropped():
    """Two photos of one camera must not differ by the NULs that an editor cut off."""
    exif = read_exif(_tags(_010f="NIKON  CORPORATION \0\0\0", _0110=b"D60\0"))

    assert (exif.make, exif.model) == ("NIKON CORPORATION", "D60")


def test_a_lens_without_a_name_is_known_by_its_specification():
    specification = (IFDRational(18, 1), IFDRational(55, 1), IFDRational(35, 10), IFDRational(56, 10))

    assert read_exif(_tags({0xA432: specification})).lens == "18-55 mm f/3.5-5.6"


@pytest.mark.parametrize("value", [0, -4, math.nan, math.inf, "long", b"\xff", (), None])
def test_a_focal_length_that_makes_no_sense_is_absent(value):
    exif = read_exif(_tags({0x920A: value, 0xA405: value}))

    assert exif.focal_length_mm is None
    assert exif.focal_length_35mm_mm is None


def test_a_focal_length_of_zero_over_zero_is_absent():
    """What manual lenses make a camera write."""
    assert read_exif(_tags({0x920A: IFDRational(0, 0)})).focal_length_mm is None


@pytest.mark.parametrize("value", [0, 9, 65535, -1, "6", b"\x06", 2.5, (), None])
def test_an_orientation_that_makes_no_sense_is_upright(value):
    assert read_orientation({0x0112: value}) == 1


@pytest.mark.parametrize("value", range(1, 9))
def test_each_of_the_eight_orientations_is_read(value):
    assert read_orientation({0x0112: value}) == value
    assert read_orientation({0x0112: (value,)}) == value


def _position(latitude=(48, 30, 36), latitude_ref="N", longitude=(2, 15, 0), longitude_ref="E", **more):
    return {1: latitude_ref, 2: latitude, 3: longitude_ref, 4: longitude, **more}


def test_a_position_is_read_in_degrees():
    gps = {**_position(latitude_ref="S", longitude_ref="W"), 5: b"\x01", 6: IFDRational(25, 2)}

    exif = read_exif(_tags(gps=gps))

    assert exif.latitude_deg == pytest.approx(-48.51)
    assert exif.longitude_deg == pytest.approx(-2.25)
    assert exif.altitude_m == -12.5


@pytest.mark.parametrize(
    "gps",
    [
        _position(latitude=(0, 0, 0), longitude=(0, 0, 0)),
        _position(latitude=(91, 0, 0)),
        _position(longitude=(math.nan, 0, 0)),
        _position(longitude="2"),
    ],
    ids=["no fix", "beyond the pole", "not a number", "text"],
)
def test_a_position_that_makes_no_sense_is_absent(gps):
    exif = read_exif(_tags(gps=gps))

    assert (exif.latitude_deg, exif.longitude_deg, exif.altitude_m) == (None, None, None)
