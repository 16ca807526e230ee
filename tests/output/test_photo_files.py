"""A model's photos: found by name, inside their folder, as the sensor stored them."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import Image

from recon.core.errors import Cause, ReconError, UsageError
from recon.output.photo_files import check_names_inside, find_photo_files, photo_size, read_photo, save_photo


@pytest.mark.parametrize("name", ["a.jpg", "sub/a b.jpg", "...", "a..b", "é\n😀.jpg", "-rf", "~/a.jpg"])
def test_a_path_inside_is_any_name(name):
    check_names_inside([name])


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../a.jpg", "a/../../b.jpg", "a/./b.jpg", "a//b.jpg", "a/", "a\0.jpg"]
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(UsageError) as caught:
        find_photo_files(["fine.jpg", name], tmp_path)

    assert caught.value.code == Cause.BAD_VALUE
    assert repr(name) in caught.value.message


def test_a_name_is_found_however_the_disk_composes_it(tmp_path):
    """macOS takes é apart; a model's names are in NFC."""
    name = "sub/é.jpg"
    path = tmp_path / unicodedata.normalize("NFD", name)
    path.parent.mkdir()
    path.write_bytes(b"x")

    assert find_photo_files([name], tmp_path) == {name: path}


def test_what_is_missing_is_counted_and_the_first_named(tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"x")

    with pytest.raises(UsageError, match=r"2 of the model's 3 photos are not in .*, the first is 'a.jpg'"):
        find_photo_files(["a.jpg", "b.jpg", "c.jpg"], tmp_path)


def test_size_and_pixels_are_the_sensors(tmp_path):
    pixels = np.arange(60 * 3, dtype=np.uint8).reshape(6, 10, 3)
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)

    assert photo_size(tmp_path / "turned.png") == (10, 6)
    assert np.array_equal(read_photo(tmp_path / "turned.png")[0], pixels)


@pytest.mark.parametrize("content", [b"", b"no photo", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_photo_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)

    for read in (photo_size, read_photo):
        with pytest.raises(ReconError, match=r"a\.png") as caught:
            read(tmp_path / "a.png")
        assert caught.value.code == Cause.UNREADABLE


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "bmp"])
def test_what_loses_nothing_comes_back_the_same(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
    save_photo(pixels, tmp_path / f"a.{suffix}", None, 95)

    assert np.array_equal(read_photo(tmp_path / f"a.{suffix}")[0], pixels)


@pytest.mark.parametrize("name", ["a.heic", "a.gif", "a"])
def test_a_format_that_is_not_written_says_what_to_do(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be written") as caught:
        save_photo(np.zeros((4, 4, 3), np.uint8), tmp_path / name, None, 95)
    assert "JPEG or PNG" in caught.value.try_
