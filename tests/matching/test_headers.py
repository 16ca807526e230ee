"""What a photo file says of itself before it is decoded, and the files that say nothing."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib

import pytest

from recon import Cause
from recon.matching.headers import MAX_PIXELS, read_header
from recon.matching.unreadable import UnreadableImage

FORMATS = ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"]
WITH_EXIF = ["a.jpg", "a.png", "a.tif", "a.webp"]


@pytest.mark.parametrize("name", FORMATS)
def test_size_and_digest_are_the_files(photo, name):
    path = photo(name, 96, 64)

    image = read_header(path, "sub/a")

    assert (image.name, image.path, image.width, image.height, image.orientation) == ("sub/a", path, 96, 64, 1)
    assert image.digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", WITH_EXIF)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_sensor_whatever_the_orientation(photo, exif, name, orientation):
    path = photo(name, 96, 64, exif=exif(orientation=orientation, make="Maker"))

    image = read_header(path, name)

    assert (image.width, image.height, image.orientation, image.exif.make) == (96, 64, orientation, "Maker")


@pytest.mark.parametrize("name", WITH_EXIF)
@pytest.mark.parametrize("orientation", [0, 9, 700])
def test_a_photo_with_a_senseless_orientation_is_used_as_it_is(photo, exif, name, orientation):
    image = read_header(photo(name, 96, 64, exif=exif(orientation=orientation)), name)

    assert (image.width, image.height, image.orientation) == (96, 64, 1)


def test_a_photo_with_damaged_exif_is_used_without(photo):
    path = photo("a.jpg", exif=b"Exif\0\0this is no TIFF header")

    assert read_header(path, "a.jpg").exif.make is None


def test_exif_behind_the_pixels_of_a_png_is_found(photo, exif):
    """The standard allows it there, and editors write it there."""
    path = photo("a.png")
    content = path.read_bytes()
    payload = b"eXIf" + exif(orientation=6).tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(payload) - 4) + payload + struct.pack(">I", zlib.crc32(payload))
    path.write_bytes(content[:-12] + chunk + content[-12:])

    assert read_header(path, "a.png").orientation == 6


def test_the_content_and_not_the_suffix_says_what_a_file_is(photo):
    path = photo("a.png")

    assert read_header(path.rename(path.with_suffix(".jpg")), "a.jpg").width == 96


def _refusal(path, name="a.jpg"):
    with pytest.raises(UnreadableImage) as caught:
        read_header(path, name)
    error = caught.value
    assert error.left_out.image == error.file == name
    assert error.left_out.detail in error.message
    assert error.left_out.try_ == error.try_
    return error


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_truncated_file_is_refused(photo, name, share):
    path = photo(name, 200, 150)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    assert _refusal(path).code is Cause.UNREADABLE


def test_a_truncated_jpeg_with_a_whole_thumbnail_is_refused(photo, picture, exif, tmp_path):
    """The thumbnail has an end marker of its own."""
    thumbnail = photo("thumbnail.jpg", 32, 24).read_bytes()
    tags = exif(make="Maker").tobytes() + thumbnail
    path = photo("a.jpg", 200, 150, exif=tags)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 100])

    assert "truncated" in _refusal(path).message


def test_a_jpeg_followed_by_other_data_is_whole(photo):
    """Phones append depth maps and films."""
    path = photo("a.jpg")
    path.write_bytes(path.read_bytes() + bytes(range(250)) * 100)

    assert read_header(path, "a.jpg").width == 96


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of the damage
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\xff", "no JPEG"),
        (b"this is a text, not a photo", "no JPEG"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged"),
        (b"II*\0" + b"\xff" * 40, "damaged"),
        (b"BM" + bytes(40), "damaged"),
        (b"RIFF\0\0\0\0WEBP" + bytes(40), "damaged"),
    ],
)
def test_a_file_that_is_no_photo_is_refused(tmp_path, content, says):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    assert says in _refusal(path).message


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 15)])
def test_a_photo_of_hardly_any_pixels_is_refused(photo, size):
    error = _refusal(photo("a.png", *size))

    assert f"{size[0]}x{size[1]}" in error.message


def _png_header(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    idat = b"IDAT" + zlib.compress(b"")
    return (
        b"\x89PNG\r\n\x1a\n" + data + struct.pack(">I", len(idat) - 4) + idat + bytes(4) + bytes(4) + b"IEND" + bytes(4)
    )


def test_more_than_256_megapixels_are_refused_without_being_decoded(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(_png_header(MAX_PIXELS // 1000, 1001))

    error = _refusal(path)

    assert error.code is error.left_out.cause is Cause.TOO_LARGE
    assert "at most 256" in error.message


def test_256_megapixels_are_accepted(tmp_path):
    """Pillow's own limit lies lower."""
    path = tmp_path / "a.png"
    path.write_bytes(_png_header(MAX_PIXELS // 1000, 1000))

    assert read_header(path, "a.png").width == MAX_PIXELS // 1000


@pytest.mark.filterwarnings("error")
def test_pillow_does_not_warn_of_large_photos(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(_png_header(12_000, 10_000))

    assert read_header(path, "a.png").height == 10_000


def test_a_pipe_is_refused_at_once(tmp_path):
    """To open it would wait for a writer for ever."""
    path = tmp_path / "a.jpg"
    os.mkfifo(path)

    assert "not a regular file" in _refusal(path).message


def test_a_link_to_nothing_is_refused(tmp_path):
    path = tmp_path / "a.jpg"
    path.symlink_to(tmp_path / "gone.jpg")

    assert "link" in _refusal(path).message
