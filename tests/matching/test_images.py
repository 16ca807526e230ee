"""The one loader: the same picture whatever the file, upright, resized, and its way back to the sensor."""

from __future__ import annotations

import dataclasses
import io
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage
from PIL import ImageOps

from recon import Cause
from recon.matching.formats import without_orientation
from recon.matching.headers import read_header
from recon.matching.images import (
    UnreadableImage,
    from_sensor_pixels,
    list_images,
    load_image,
    seen_size,
    to_sensor_pixels,
)

LOSSLESS = ["a.png", "a.tif", "a.bmp", "a.webp"]
SAVE = {"a.webp": {"lossless": True, "exact": True}}


def _load(path, max_size=None):
    return load_image(read_header(path, path.name), max_size)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_give_the_pixels_that_were_saved(photo, picture, name):
    image = _load(photo(name, **SAVE.get(name, {})))

    assert image.pixels.dtype == np.uint8
    assert image.pixels.flags.c_contiguous
    np.testing.assert_array_equal(image.pixels, np.asarray(picture()))


def test_a_jpeg_has_its_colours_in_the_order_red_green_blue(photo, picture):
    image = _load(photo("a.jpg", quality=95))

    assert np.abs(image.pixels.astype(int) - np.asarray(picture())).mean() < 3


MODES = {
    "grey": ("L", "a.jpg", {}),
    "grey PNG": ("L", "a.png", {}),
    "grey TIFF": ("L", "a.tif", {}),
    "black and white": ("1", "a.tif", {}),
    "palette": ("P", "a.png", {}),
    "CMYK JPEG": ("CMYK", "a.jpg", {"quality": 95}),
    "CMYK TIFF": ("CMYK", "a.tif", {}),
    "RGBA PNG": ("RGBA", "a.png", {}),
    "RGBA TIFF": ("RGBA", "a.tif", {}),
    "RGBA WebP": ("RGBA", "a.webp", {"lossless": True}),
    "grey with alpha": ("LA", "a.png", {}),
    "LZW": ("RGB", "a.tif", {"compression": "tiff_lzw"}),
    "JPEG in TIFF": ("YCbCr", "a.tif", {"compression": "jpeg"}),
}


@pytest.mark.parametrize(("mode", "name", "save"), MODES.values(), ids=list(MODES))
def test_every_mode_becomes_rgb(tmp_path, picture, mode, name, save):
    converted = picture().convert(mode)
    converted.save(tmp_path / name, **save)

    image = _load(tmp_path / name)

    expected = np.asarray(converted.convert("RGB")).astype(int)
    assert image.pixels.shape == expected.shape
    assert np.abs(image.pixels - expected).mean() < 3


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("is_grey", [True, False])
def test_sixteen_bits_keep_what_eight_can_show(tmp_path, picture, name, is_grey):
    """Of a 12-bit camera's file the upper eight bits alone would be nearly black."""
    eight_bits = np.asarray(picture().convert("L") if is_grey else picture())
    twelve_bits = ((eight_bits.astype(np.uint32) * 4095 + 127) // 255).astype(np.uint16)
    twelve_bits[0, 0] = 4095
    cv2.imwrite(str(tmp_path / name), twelve_bits if is_grey else twelve_bits[..., ::-1])

    pixels = _load(tmp_path / name).pixels

    expected = np.dstack([eight_bits] * 3) if is_grey else eight_bits
    assert np.abs(pixels[1:].astype(int) - expected[1:]).max() <= 1


def test_transparent_pixels_are_black(tmp_path, picture):
    rgba = np.dstack([np.asarray(picture()), np.full((64, 96), 255, np.uint8)])
    rgba[:10, :, 3] = 0
    PillowImage.fromarray(rgba).save(tmp_path / "a.png")

    pixels = _load(tmp_path / "a.png").pixels

    assert not pixels[:10].any()
    np.testing.assert_array_equal(pixels[10:], rgba[10:, :, :3])


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_marked_pixel_is_found_again_on_the_sensor(tmp_path, exif, name, orientation):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[7, 23] = 255
    PillowImage.fromarray(pixels).save(tmp_path / name, exif=exif(orientation=orientation))
    listed = read_header(tmp_path / name, name)

    seen = load_image(listed, None)

    assert seen.size == seen_size(listed, None)
    (row, column), *others = np.argwhere(seen.pixels[..., 0])
    assert not others
    on_sensor = to_sensor_pixels(np.array([[column + 0.5, row + 0.5]]), seen.size, listed)
    is_mirrored = orientation in (2, 4, 5, 7)  # and is mirrored back, as no camera in space sees a mirror image
    np.testing.assert_array_equal(on_sensor, [[60 - 23.5 if is_mirrored else 23.5, 7.5]])


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_seen_is_upright_as_in_any_viewer(photo, picture, exif, name, orientation):
    path = photo(name, 96, 64, exif=exif(orientation=orientation), quality=95)
    stored = picture(96, 64)
    stored.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored)).astype(int)
    seen = _load(path).pixels

    assert seen.shape == upright.shape
    assert np.abs(seen - upright).mean() < 5


def test_a_tiff_of_whatever_byte_order_and_size_of_offsets_is_turned_once(tmp_path, picture, exif):
    """Pillow and OpenCV turn TIFFs on their own accord."""
    for big_tiff in (False, True):
        stream = io.BytesIO()
        picture().save(stream, "TIFF", exif=exif(orientation=6), big_tiff=big_tiff)
        upright = PillowImage.open(io.BytesIO(without_orientation(stream.getvalue())))

        assert upright.size == (96, 64)
        np.testing.assert_array_equal(np.asarray(upright), np.asarray(picture()))


@pytest.mark.parametrize(("max_size", "size"), [(None, (96, 64)), (96, (96, 64)), (500, (96, 64)), (48, (48, 32))])
def test_a_photo_is_made_smaller_and_never_larger(photo, max_size, size):
    assert _load(photo("a.png"), max_size).size == size


def test_the_thinnest_photo_keeps_a_pixel(photo):
    assert _load(photo("a.png", 1000, 16), 20).size == (20, 1)


def _blobs(width, height, spacing=400):
    """Return a picture of soft dots and their centres in its pixels, the last one near the far corner."""
    sigma = 20.0
    centres = [
        (x + 0.5, y + 0.5)
        for x in (*range(spacing // 2, width - spacing, spacing), width - 90)
        for y in (*range(spacing // 2, height - spacing, spacing), height - 90)
    ]
    pixels = np.zeros((height, width), np.float32)
    reach = 80
    rows, columns = np.mgrid[-reach:reach, -reach:reach] + 0.5
    dot = 250 * np.exp(-(rows**2 + columns**2) / (2 * sigma**2))
    for x, y in centres:
        left, top = int(x - 0.5), int(y - 0.5)
        pixels[top - reach : top + reach, left - reach : left + reach] = dot
    return np.dstack([pixels.astype(np.uint8)] * 3), np.array(centres) - 0.5


@pytest.mark.parametrize("max_size", [300, 405, 810, 850, 1500])
@pytest.mark.parametrize("size", [(3243, 1609), (3240, 1616)], ids=["odd size", "divisible by 8"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_resizing_moves_nothing(tmp_path, exif, size, max_size, orientation):
    """A JPEG decoded at 1/2, 1/4 or 1/8 has pixels that reach over the photo's edge."""
    pixels, centres = _blobs(*size)
    PillowImage.fromarray(pixels).save(tmp_path / "a.jpg", quality=95, exif=exif(orientation=orientation))
    listed = read_header(tmp_path / "a.jpg", "a.jpg")

    seen = load_image(listed, max_size)

    assert seen.size == seen_size(listed, max_size)
    scale = size[0] / max_size
    found = []
    grey = seen.pixels[..., 0].astype(float)
    grey[grey < 6] = 0
    for x, y in from_sensor_pixels(centres, seen.size, listed):
        reach = int(70 / scale)
        left, top = max(0, round(x) - reach), max(0, round(y) - reach)
        window = grey[top : top + 2 * reach, left : left + 2 * reach]
        rows, columns = np.mgrid[: window.shape[0], : window.shape[1]] + 0.5
        found.append((left + (window * columns).sum() / window.sum(), top + (window * rows).sum() / window.sum()))
    off = (to_sensor_pixels(np.array(found), seen.size, listed) - centres) / scale
    assert np.abs(off).max() < 0.05


def test_only_as_much_of_a_large_jpeg_is_decoded_as_is_needed(tmp_path, monkeypatch):
    """200 megapixels are 600 MB of colours."""
    PillowImage.new("L", (16320, 12240), 90).save(tmp_path / "a.jpg")
    decoded = []
    decode = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: decoded.append(decode(data, flags)) or decoded[-1])

    image = _load(tmp_path / "a.jpg", 1600)

    assert image.size == (1600, 1200)
    assert [pixels.shape for pixels in decoded] == [(1530, 2040, 3)]
    assert (np.abs(image.pixels.astype(int) - 90) <= 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.filterwarnings("error")
def test_200_megapixels_without_a_reduced_scale_are_decoded_too(tmp_path, name):
    PillowImage.new("L", (16320, 12240), 90).save(tmp_path / name)

    image = _load(tmp_path / name, 1600)

    assert image.size == (1600, 1200)
    assert (image.pixels == 90).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"])
def test_a_file_that_lost_its_end_since_it_was_listed_is_refused(photo, name):
    path = photo(name, 200, 150)
    listed = read_header(path, name)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])

    with pytest.raises(UnreadableImage) as caught:
        load_image(listed, None)
    assert (caught.value.code, caught.value.file) == (Cause.UNREADABLE, name)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "change",
    [lambda path: path.unlink(), lambda path: path.write_bytes(b""), lambda path: path.write_text("a text")],
    ids=["gone", "emptied", "replaced"],
)
def test_a_file_that_is_no_photo_any_more_is_refused(photo, change):
    path = photo("a.jpg")
    listed = read_header(path, "a.jpg")
    change(path)

    with pytest.raises(UnreadableImage):
        load_image(listed, None)


def test_a_photo_of_another_size_than_was_listed_is_refused(photo):
    """Its keypoints would be mapped to the wrong sensor."""
    listed = dataclasses.replace(read_header(photo("a.jpg"), "a.jpg"), width=97)

    with pytest.raises(UnreadableImage, match="changed"):
        load_image(listed, None)


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of the damage
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"])
@given(changes=CHANGES, reach=st.sampled_from([64, 400, 10**9]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_are_damaged_the_file_is_used_or_refused(photo, exif, name, changes, reach):
    """One bad file must not end a run of a thousand."""
    path = photo(name, exif=exif(make="Maker", orientation=6)) if name != "a.bmp" else photo(name)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[int(place * min(reach, len(content)))] = value
    path.write_bytes(content)

    with suppress(UnreadableImage):
        listed = read_header(path, name)
        assume(listed.width * listed.height < 4_000_000)
        load_image(listed, 50)


@pytest.mark.photos
@pytest.mark.parametrize("name", ["alamo4", "berlin", "cyprus", "five_places", "temple_ring"])
def test_real_photos_are_loaded_at_the_size_that_was_asked_for(photo_set, name):
    for listed in list_images(photo_set(name) / "images").images:
        image = load_image(listed, 400)

        assert image.size == seen_size(listed, 400)
        assert image.pixels.std() > 5
