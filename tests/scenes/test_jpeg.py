"""The photo files say what a camera's say."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from recon.scenes.jpeg import jpeg_bytes


def test_exif_names_camera_focal_length_and_time():
    content = jpeg_bytes(np.zeros((48, 64, 3), np.uint8), quality=80, focal_35mm=28, number=9)
    exif = Image.open(io.BytesIO(content)).getexif()
    block = exif.get_ifd(0x8769)

    assert exif[0x010F] == "recon"
    assert block[0xA405] == 28
    assert float(block[0x920A]) == 7.0
    assert block[0x9003] == "2026:06:01 12:01:03"


def test_the_same_photo_gives_the_same_bytes():
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)

    assert jpeg_bytes(pixels, quality=80, focal_35mm=28, number=1) == jpeg_bytes(
        pixels, quality=80, focal_35mm=28, number=1
    )
