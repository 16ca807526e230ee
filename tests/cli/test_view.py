"""`recon view`: a picture wherever there is a model, with Open3D or without."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from recon.cli import main, view_live
from recon.cli.view_live import FollowedRun
from recon.engine import live_models
from recon.engine.models import write_models
from recon.output.picture import draw_model
from recon.output.scene import MODEL_COLORS

SMALL_RUN = ("--max-size", "400", "--max-keypoints", "800")


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


def picture_of(tmp_path, *arguments):
    path = tmp_path / "picture.png"
    assert (
        main(["view", *map(str, arguments), "--screenshot", str(path), "--size", "320x200", "--renderer", "plain"]) == 0
    )
    return pixels(path).astype(int)


def has(picture, color):
    return (np.abs(picture - np.array(color)) < 25).all(axis=-1).sum() > 50


def test_all_models_of_a_run_stand_side_by_side(tmp_path, synthetic_model, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    write_models([synthetic_model(points=300), synthetic_model(images=4, points=200, seed=1)], folder)

    both = picture_of(tmp_path, folder, "--all-models", "--colors", "model")
    assert "10 photos, 500 points" in capsys.readouterr().out
    left, right = both[:, :160], both[:, 160:]
    assert has(left, MODEL_COLORS[0])
    assert not has(right, MODEL_COLORS[0])
    assert has(right, MODEL_COLORS[1])
    assert not has(left, MODEL_COLORS[1])
    best = picture_of(tmp_path, folder, "--colors", "model")
    assert not has(best, MODEL_COLORS[1])


def test_several_workspaces_are_shown_at_once(tmp_path, workspace, synthetic_model, capsys):
    other = tmp_path / "other"
    other.mkdir()
    write_models([synthetic_model(images=3, points=100, seed=2)], other)
    picture_of(tmp_path, workspace, other, workspace / "sparse" / "0")

    assert "15 photos, 700 points" in capsys.readouterr().out


def test_colors_of_a_picture_are_those_of_the_window(tmp_path, workspace):
    by_photos = picture_of(tmp_path, workspace)
    by_error = picture_of(tmp_path, workspace, "--colors", "error")

    assert np.abs(by_photos - by_error).max() > 50


def test_a_flight_is_a_film_along_the_cameras(tmp_path, workspace, capsys):
    import cv2

    film = tmp_path / "flight.mp4"
    arguments = ["--fly-through", str(film), "--seconds", "0.4", "--size", "160x100"]
    assert main(["view", str(workspace), *arguments]) == 0

    assert f"{film}: 160x100, 10 frames" in capsys.readouterr().out
    capture = cv2.VideoCapture(str(film))
    frames = [capture.read()[1].astype(int) for _ in range(10)]
    assert all(np.abs(before - after).mean() > 0.5 for before, after in itertools.pairwise(frames))
    assert all(frame.std() > 4 for frame in frames)


def test_without_cameras_there_is_no_flight(tmp_path, capsys):
    import pycolmap

    folder = tmp_path / "empty"
    folder.mkdir()
    pycolmap.Reconstruction().write_binary(folder)

    assert main(["view", str(folder), "--fly-through", str(tmp_path / "flight.mp4")]) == 2
    assert "--turntable" in capsys.readouterr().err
    assert not (tmp_path / "flight.mp4").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--web", "--live"],
        ["--screenshot", "a.png", "--fly-through", "b.mp4"],
        ["--turntable", "a.mp4", "--fly-through", "b.mp4"],
    ],
)
def test_ways_to_show_exclude_each_other(workspace, arguments, capsys):
    assert main(["view", str(workspace), *arguments]) == 2
    assert "exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["--web", "--live"])
def test_what_shows_one_run_takes_one(workspace, how, capsys):
    assert main(["view", str(workspace), str(workspace), how]) == 2
    assert f"{how} shows one OUT" in capsys.readouterr().err


def test_live_without_a_run_says_to_begin_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":99")

    assert main(["view", str(tmp_path / "nothing"), "--live"]) == 2
    assert "recon run PHOTOS" in capsys.readouterr().err


def test_live_after_a_run_without_a_model_does_not_wait_for_ever(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":99")
    monkeypatch.setattr(view_live, "_GRACE_SECONDS", 0.0)
    (tmp_path / "recon.json").write_text(json.dumps({"state": "failed"}))

    assert main(["view", str(tmp_path), "--live"]) == 2
    assert "holds no model" in capsys.readouterr().err


def test_live_follows_a_real_run_from_its_first_model_to_its_last(tmp_path, six_photos, monkeypatch):
    """The run and its watcher in turn: each model is looked for while the mapper calls."""
    monkeypatch.setattr(live_models, "INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr(live_models, "MOST_SHARE", 1e9)
    out = tmp_path / "out"
    seen = []
    show = live_models.Showing.show

    def show_and_look(self, model):
        followed.newer()  # as the first look does: it asks
        show(self, model)
        seen.append((model.num_reg_images(), followed.newer()))

    monkeypatch.setattr(live_models.Showing, "show", show_and_look)
    out.mkdir()
    followed = FollowedRun(out, (320, 200), live_models.Watching(out))
    assert main(["run", str(six_photos), "-o", str(out), *SMALL_RUN, "--threads", "1"]) == 0

    assert len(seen) >= 3
    for registered, scene in seen:
        assert scene.scene.num_cameras == registered
        assert np.isfinite(scene.sheet.cells).all()  # with their photos
    final = followed.newer()
    assert final.scene.num_cameras == 6
    assert len(np.unique(final.scene.colors, axis=0)) > 50  # coloured at the end
    assert not (out / ".cache" / "mapping").exists()


def test_the_keys_of_the_window_are_in_the_help(capsys):
    main(["view", "--help"])
    output = capsys.readouterr().out

    for key in ("click ", "P ", "+ -", "C ", "T ", "1 2 3 4", "F ", "B ", "R ", "S ", "Q "):
        assert f"\n    {key}" in output
