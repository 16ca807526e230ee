"""EXIF's focal length in each of its forms, and when the focal plane's resolution may be believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage
from PIL.TiffImagePlugin import IFDRational

from recon.core.data import Exif, ImageFile
from recon.matching.exif import read_exif
from recon.matching.focal_lengths import exif_focal_length
from recon.matching.headers import read_header
from recon.matching.intrinsics import FocalSource

PLANE = {"focal_length_mm": 10.0, "focal_plane_px_per_mm": 100.0}


class Tags(dict[int, Any]):
    """What Pillow gives."""

    def get_ifd(self, tag: int) -> Any:
        return self.get(tag, {})


def photo_with(size: tuple[int, int] = (1600, 1200), **exif: Any) -> ImageFile:
    return ImageFile("a.jpg", Path("a.jpg"), *size, exif=Exif(**exif))


@pytest.mark.parametrize("taken", [(1600, 1200), (1200, 1600)])
def test_the_focal_plane_counts_in_a_photo_of_the_size_as_taken(taken: tuple[int, int]) -> None:
    """Turned upright or not."""
    image = photo_with(size_as_taken=taken, **PLANE)

    assert exif_focal_length(image) == (1000.0, FocalSource.EXIF_FOCAL_PLANE)


@pytest.mark.parametrize("taken", [None, (3200, 2400), (1600, 1067)])
def test_the_focal_plane_does_not_count_once_a_photo_was_resized_or_cropped(taken: tuple[int, int] | None) -> None:
    """Else the focal length would be as wrong as the scale."""
    assert exif_focal_length(photo_with(size_as_taken=taken, **PLANE)) is None


def test_an_implausible_focal_plane_does_not_count() -> None:
    image = photo_with(size_as_taken=(1600, 1200), focal_length_mm=10.0, focal_plane_px_per_mm=1.0)

    assert exif_focal_length(image) is None


def test_the_35_mm_equivalent_goes_first_and_the_table_of_sensors_second() -> None:
    known = {"make": "Canon", "model": "Canon EOS 10D"}  # 22.7 mm
    plane = {"size_as_taken": (1600, 1200), **PLANE}
    first = exif_focal_length(photo_with(focal_length_35mm_mm=35, **known, **plane))
    second = exif_focal_length(photo_with(**known, **plane))

    assert first is not None
    assert first[1] is FocalSource.EXIF_35MM
    assert second is not None
    assert second[1] is FocalSource.EXIF_SENSOR_TABLE
    assert second[0] == pytest.approx(1600 * 10 / 22.7, rel=0.01)


def test_digital_zoom_lengthens_what_the_table_says() -> None:
    known = {"make": "Canon", "model": "Canon EOS 10D", "focal_length_mm": 10.0}
    plain, zoomed = exif_focal_length(photo_with(**known)), exif_focal_length(photo_with(**known, digital_zoom=2.0))

    assert plain is not None
    assert zoomed is not None
    assert zoomed[0] == 2 * plain[0]


@pytest.mark.parametrize(("unit", "px_per_mm"), [(2, 100), (3, 254), (4, 2540), (None, 100), (9, None)])
def test_the_focal_planes_units_are_told_apart(unit: int | None, px_per_mm: float | None) -> None:
    tags = {0xA20E: IFDRational(2540, 1), **({} if unit is None else {0xA210: unit})}
    found = read_exif(Tags({0x8769: tags})).focal_plane_px_per_mm

    assert found == (None if px_per_mm is None else pytest.approx(px_per_mm))


@pytest.mark.parametrize(("written", "zoom"), [(0, None), (1, None), (2.5, 2.5)])
def test_no_digital_zoom_is_written_as_0_or_1(written: float, zoom: float | None) -> None:
    assert read_exif(Tags({0x8769: {0xA404: IFDRational(written)}})).digital_zoom == zoom


def test_a_file_gives_all_of_it(photo: Callable[..., Path]) -> None:
    tags = PillowImage.Exif()
    tags[0x8769] = {0x920A: IFDRational(9), 0xA20E: IFDRational(254), 0xA210: 2, 0xA002: 96, 0xA003: 64}
    image = read_header(photo("photo.jpg", exif=tags), "photo.jpg")

    assert exif_focal_length(image) == (pytest.approx(90.0), FocalSource.EXIF_FOCAL_PLANE)
