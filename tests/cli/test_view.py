"""`recon view`: a picture wherever there is a model, with Open3D or without."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from recon.cli import main
from recon.engine.models import write_models
from recon.output.picture import draw_model


@pytest.fixture
def workspace(tmp_path, synthetic_model):
    folder = tmp_path / "out"
    folder.mkdir()
    write_models([synthetic_model(points=300)], folder)
    return folder


@pytest.fixture
def no_open3d(tmp_path, monkeypatch):
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "open3d.py").write_text("raise OSError('libusb-1.0.so.0: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_a_picture_is_drawn_without_open3d_and_the_missing_package_named(tmp_path, workspace, no_open3d, capsys):
    picture = tmp_path / "model.png"
    status = main(["view", str(workspace), "--screenshot", str(picture), "--size", "320x200"])
    output, errors = capsys.readouterr()

    assert status == 0
    assert pixels(picture).shape == (200, 320, 3)
    assert f"{picture}: 320x200, 6 photos, 300 points" in output
    assert "libusb-1.0-0" in errors
    assert "apt-get install" in errors


def test_the_renderer_that_was_asked_for_has_to_work(tmp_path, workspace, no_open3d, capsys):
    picture = tmp_path / "model.png"
    status = main(["view", str(workspace), "--screenshot", str(picture), "--renderer", "open3d"])

    assert status == 1
    assert not picture.exists()
    assert "error: Open3D cannot be loaded" in capsys.readouterr().err


def test_the_plain_renderer_asks_nobody(tmp_path, workspace, no_open3d, capsys):
    picture = tmp_path / "model.png"
    status = main(["view", str(workspace), "--screenshot", str(picture), "--renderer", "plain"])

    assert status == 0
    assert capsys.readouterr().err == ""


def test_photos_held_upright_show_the_model_upright(tmp_path, workspace, synthetic_model):
    """A phone stores a portrait lying down, and says so in EXIF only."""
    photos = tmp_path / "photos"
    photos.mkdir()
    model = synthetic_model(points=300)
    names = [model.image(image_id).name for image_id in model.reg_image_ids()]
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in names:
        Image.new("RGB", (32, 32)).save(photos / name, exif=exif)
    (workspace / "recon.json").write_text(json.dumps({"photos": str(photos)}))
    arguments = ["--size", "160x100", "--renderer", "plain"]
    main(["view", str(workspace), "--screenshot", str(tmp_path / "model.png"), *arguments])
    draw_model(model, tmp_path / "turned.png", (160, 100), dict.fromkeys(names, 6))
    draw_model(model, tmp_path / "lying.png", (160, 100))

    np.testing.assert_array_equal(pixels(tmp_path / "model.png"), pixels(tmp_path / "turned.png"))
    assert (pixels(tmp_path / "model.png") != pixels(tmp_path / "lying.png")).any()


@pytest.mark.parametrize("size", ["320", "320x", "x", "-3x5", "0x100", "99999x100", "axb", "1x2x3"])
def test_a_senseless_size_is_wrong_usage(tmp_path, workspace, size, capsys):
    assert main(["view", str(workspace), "--screenshot", str(tmp_path / "model.png"), "--size", size]) == 2
    assert size in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path, workspace, capsys):
    picture = tmp_path / "no such folder" / "model.png"

    assert main(["view", str(workspace), "--screenshot", str(picture), "--renderer", "plain"]) == 2
    assert "mkdir -p" in capsys.readouterr().err


def test_without_a_model_the_next_step_is_told(tmp_path, capsys):
    assert main(["view", str(tmp_path), "--screenshot", str(tmp_path / "model.png")]) == 2
    assert "try:" in capsys.readouterr().err


def test_without_a_screen_there_is_no_window(workspace, monkeypatch, capsys):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)

    assert main(["view", str(workspace)]) == 1
    assert "--screenshot" in capsys.readouterr().err


def test_the_keys_of_the_window_are_in_the_help(capsys):
    main(["view", "--help"])
    output = capsys.readouterr().out

    for key in ("+ -", "C ", "1 2 3", "B ", "R ", "S ", "Q "):
        assert f"\n    {key}" in output
