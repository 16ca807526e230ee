"""EXIF's GPSHPositioningError: how far off the receiver says it may be."""

from __future__ import annotations

import pytest
from PIL import Image

from recon.matching.exif import read_exif

PLACE = {1: "N", 2: (55.0, 41.0, 53.4), 3: "E", 4: (13.0, 11.0, 43.4)}


def read(**gps):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({**PLACE, **{int(tag.removeprefix("tag")): value for tag, value in gps.items()}})
    return read_exif(exif)


def test_it_is_read_in_metres():
    assert read(tag31=4.75).position_error_m == pytest.approx(4.75)


@pytest.mark.parametrize("value", [0.0, -3.0, float("inf"), "near", b"\x00", ()])
def test_what_makes_no_sense_is_absent(value):
    assert read(tag31=value).position_error_m is None


def test_without_a_position_it_tells_nothing():
    assert read(tag31=4.0, tag2=(99.0, 0.0, 0.0)).position_error_m is None
