"""The picture shows points in their colours and cameras, without Open3D."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pycolmap
import pytest
from PIL import Image

from recon.core.errors import UsageError
from recon.output.picture import draw_model, shrink
from recon.output.scene import BACKGROUND, CAMERA_COLOR


def test_points_and_cameras_are_in_the_picture(tmp_path, synthetic_model):
    draw_model(synthetic_model(points=500), tmp_path / "model.png", (400, 300))

    with Image.open(tmp_path / "model.png") as picture:
        assert picture.size == (400, 300)
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    points = (abs(pixels[..., 1] - 128) < 12) & (abs(pixels[..., 2] - 64) < 12)  # as the model colours them
    cameras = (abs(pixels - CAMERA_COLOR) < 30).all(axis=2)
    assert points.mean() > 0.01
    assert cameras.sum() > 20


def test_the_same_model_makes_the_same_picture(tmp_path, synthetic_model):
    for name in ("1.png", "2.png"):
        draw_model(synthetic_model(), tmp_path / name, (200, 150))

    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_an_empty_model_is_an_empty_picture(tmp_path):
    draw_model(pycolmap.Reconstruction(), tmp_path / "model.png", (64, 48))

    with Image.open(tmp_path / "model.png") as picture:
        assert picture.getpixel((0, 0)) == BACKGROUND[0]
        assert picture.getpixel((63, 47)) == BACKGROUND[1]


def test_the_suffix_chooses_the_format(tmp_path, synthetic_model):
    draw_model(synthetic_model(), tmp_path / "model.jpg", (64, 48))

    with Image.open(tmp_path / "model.jpg") as picture:
        assert picture.format == "JPEG"


def test_an_unknown_suffix_is_wrong_usage_and_leaves_nothing(tmp_path, synthetic_model):
    with pytest.raises(UsageError, match=r"model\.xyz"):
        draw_model(synthetic_model(), tmp_path / "model.xyz", (64, 48))

    assert not list(tmp_path.iterdir())


def test_shrinking_takes_the_mean():
    pixels = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)

    assert shrink(pixels, 2)[0, 0] == pytest.approx([7.5, 8.5, 9.5], abs=0.51)
    assert shrink(pixels, 2).shape == (1, 2, 3)


def test_open3d_is_not_needed():
    """Not even its import: it takes a second, and system libraries that a server lacks."""
    code = "import sys, recon.output.picture, recon.output.viewer_process; sys.exit('open3d' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
