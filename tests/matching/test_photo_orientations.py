"""Orientations are read where they can be, and nothing about a photo can raise."""

from __future__ import annotations

from PIL import Image

from recon.matching.photo_orientations import photo_orientations


def test_only_turned_photos_are_listed(tmp_path):
    for name, orientation in (("upright.jpg", 1), ("portrait.jpg", 6)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.new("RGB", (32, 32)).save(tmp_path / name, exif=exif)
    Image.new("RGB", (32, 32)).save(tmp_path / "plain.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "notes.txt").write_text("no photo")
    names = ["upright.jpg", "portrait.jpg", "plain.png", "broken.jpg", "notes.txt", "missing.jpg"]

    assert photo_orientations(tmp_path, names) == {"portrait.jpg": 6}
