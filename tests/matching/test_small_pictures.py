"""Small pictures: as the sensor stores them, and none where there is no photo."""

from __future__ import annotations

import numpy as np
from PIL import Image

from recon.matching.small_pictures import small_pictures


def test_a_photo_is_made_small_and_not_turned(tmp_path):
    pixels = np.zeros((300, 600, 3), np.uint8)
    pixels[:, :300] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=95)

    picture = small_pictures(tmp_path, ["a.jpg"], 60, 1)["a.jpg"]

    assert picture.shape == (30, 60, 3)
    assert np.abs(picture[15, 10].astype(int) - (255, 0, 0)).max() < 12
    assert picture[15, 50].max() < 12


def test_grey_and_deep_photos_become_colours(tmp_path):
    Image.new("L", (40, 20), 100).save(tmp_path / "grey.png")
    Image.fromarray(np.full((20, 40), 100 * 256, np.uint16)).save(tmp_path / "deep.png")

    made = small_pictures(tmp_path, ["grey.png", "deep.png"], 20, 2)

    for picture in made.values():
        assert picture.shape == (10, 20, 3)
        assert np.abs(picture.astype(int) - 100).max() <= 1
    assert len(made) == 2


def test_what_is_gone_or_no_photo_has_none(tmp_path):
    (tmp_path / "text.jpg").write_text("no photo")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")

    assert small_pictures(tmp_path, ["gone.jpg", "text.jpg", "cut.jpg"], 20, 1) == {}
