"""Open3D may be missing, lack a library, or end its process: each is an error in words, and never a crash."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from recon.core.errors import Cause, ReconError
from recon.core.libraries import INSTALL_LINE
from recon.output import viewer_process
from recon.output.picture import draw_model
from recon.output.scene import Scene
from recon.output.view_models import ShownModel, view_scene
from recon.output.viewer_process import require_screen, screenshot, show_scene

SIZE = (160, 100)


@pytest.fixture
def fake_open3d(tmp_path, monkeypatch):
    """Return a function that puts a module of the given text in the place of Open3D."""

    def write(text: str) -> None:
        folder = tmp_path / "fake"
        folder.mkdir()
        (folder / "open3d.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return write


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libusb-1.0.so.0", "libusb-1.0-0"),
        ("libGL.so.1", "libgl1"),
        ("libEGL.so.1", "libegl1"),
        ("libidn2.so.0", "libidn2-0"),
        ("libX11.so.6", "libx11-6"),
        ("libudev.so.1", "libudev1"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
        ("libgthread-2.0.so.0", "libglib2.0-0"),
    ],
)
def test_a_missing_system_library_is_named_with_its_package(tmp_path, synthetic_model, fake_open3d, library, package):
    fake_open3d(f"raise OSError('{library}: cannot open shared object file: No such file or directory')")

    with pytest.raises(ReconError) as caught:
        screenshot(Scene.of(synthetic_model(images=3), SIZE, {}), tmp_path / "model.png", SIZE)

    assert caught.value.code is Cause.MISSING_LIBRARY
    assert library in caught.value.message
    assert f"Debian package {package})" in caught.value.message
    assert INSTALL_LINE in caught.value.try_
    assert package in INSTALL_LINE.split()


def test_open3d_that_is_not_installed_is_said_so(tmp_path, synthetic_model, fake_open3d):
    fake_open3d("raise ModuleNotFoundError(\"No module named 'open3d'\")")

    with pytest.raises(ReconError) as caught:
        show_scene(view_scene([ShownModel(synthetic_model(images=3))], SIZE), "title")

    assert caught.value.code is Cause.MISSING_LIBRARY
    assert caught.value.try_ == "pip install open3d"


def test_a_crash_in_the_graphics_driver_is_an_error(tmp_path, synthetic_model, fake_open3d):
    """Without a Vulkan driver, Open3D 0.20 ends its process by a signal."""
    fake_open3d(
        "import os, sys\n"
        "def __getattr__(name):\n"
        "    sys.stderr.write('\\033[1mreason: Unable to create Vulkan instance\\n')\n"
        "    sys.stderr.flush()\n"
        "    os.abort()\n"
    )

    with pytest.raises(ReconError) as caught:
        screenshot(Scene.of(synthetic_model(images=3), SIZE, {}), tmp_path / "model.png", SIZE)

    assert caught.value.code is Cause.MISSING_LIBRARY
    assert caught.value.message.endswith(": Unable to create Vulkan instance")
    assert "mesa-vulkan-drivers" in caught.value.try_
    assert not (tmp_path / "model.png").exists()


def test_without_a_screen_the_way_out_is_a_picture(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ReconError) as caught:
        require_screen()

    assert caught.value.code is Cause.NO_DEVICE
    assert "--screenshot" in caught.value.try_


def test_a_live_window_is_handed_each_newer_scene(tmp_path, synthetic_model, monkeypatch):
    """In the place of the window, a process that reads the scene's file until it holds the third one."""
    window = (
        "import sys, time; from pathlib import Path; from recon.output.view_scene import ViewScene\n"
        "count = 0\n"
        "while count < 50: count = len(ViewScene.read(Path(sys.argv[1])).scene.positions); time.sleep(0.01)\n"
    )
    monkeypatch.setattr(viewer_process, "_command", lambda task, file, title: [sys.executable, "-c", window, str(file)])
    monkeypatch.setattr(viewer_process, "_LOOK_SECONDS", 0.05)
    scenes = [view_scene([ShownModel(synthetic_model(points=count))], SIZE) for count in (20, 30, 50)]
    asked = iter([None, scenes[1], None, scenes[2]])

    show_scene(scenes[0], "title", lambda: next(asked, None))

    assert next(asked, "all were asked for") == "all were asked for"


@pytest.mark.slow
def test_open3d_draws_what_our_own_picture_shows(tmp_path, synthetic_model):
    """Same viewpoint, same colours: blurred, the two pictures are nearly one."""
    model = synthetic_model(points=2000)
    screenshot(Scene.of(model, (320, 240), {}), tmp_path / "open3d.png", (320, 240))
    draw_model(model, tmp_path / "plain.png", (320, 240))

    small = []
    for name in ("open3d.png", "plain.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (320, 240)
            small.append(np.asarray(picture.convert("RGB").reduce(16), float))
    assert np.abs(small[0] - small[1]).mean() < 12
    assert np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1] > 0.9
