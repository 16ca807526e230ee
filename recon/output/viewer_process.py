"""Runs the Open3D viewer in a process of its own, and says in words why it does not work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.errors import Cause, ReconError
from recon.core.libraries import INSTALL_LINE, missing_library
from recon.output.picture import DEFAULT_SIZE, save_picture
from recon.output.scene import Scene
from recon.output.viewer import CANNOT_IMPORT

if TYPE_CHECKING:
    import pycolmap

_SCREENSHOT_SECONDS = 300


def screenshot(
    model: pycolmap.Reconstruction,
    path: Path,
    size: tuple[int, int] = DEFAULT_SIZE,
    orientations: Mapping[str, int] | None = None,
) -> None:
    """Render a model with Open3D, without a window; arguments as in `picture.draw_model`.

    Raises:
        ReconError: MISSING_LIBRARY, naming it and the line that installs it.
        OSError: The file cannot be written.
    """
    scene = Scene.of(model, size, orientations or {})
    # Off any display that there may be: it could be a remote one without the graphics that this needs.
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    with tempfile.TemporaryDirectory(prefix="recon-view-") as folder:
        rendered = Path(folder) / "pixels.npy"
        _run(scene, ["screenshot", str(rendered), str(size[0]), str(size[1])], environment, _SCREENSHOT_SECONDS)
        save_picture(np.load(rendered), path)


def require_screen() -> None:
    """Refuse to go on where no window can be opened.

    Raises:
        ReconError: NO_DEVICE.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ReconError(
            "there is no screen to open a window on (DISPLAY is not set)",
            code=Cause.NO_DEVICE,
            try_="draw a picture instead: recon view OUT --screenshot model.png",
        )


def show_model(model: pycolmap.Reconstruction, title: str, orientations: Mapping[str, int] | None = None) -> None:
    """Show a model in a window, until the user closes it.

    Raises:
        ReconError: MISSING_LIBRARY, naming it and the line that installs it.
    """
    _run(Scene.of(model, DEFAULT_SIZE, orientations or {}), ["window", title], dict(os.environ), None)


def _run(scene: Scene, task: list[str], environment: dict[str, str], timeout: float | None) -> None:
    with tempfile.TemporaryDirectory(prefix="recon-view-") as folder:
        file = Path(folder) / "scene.npz"
        scene.write(file)
        command = [sys.executable, "-m", "recon.output.viewer", task[0], str(file), *task[1:]]
        try:
            done = subprocess.run(
                command,
                env=environment,
                timeout=timeout,
                stdout=subprocess.PIPE
                if timeout
                else None,  # Filament talks of itself; a window's keys answer the user
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _missing(f"Open3D did not finish within {timeout:g} s") from error
    if done.returncode == CANNOT_IMPORT:
        raise _cannot_import(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise _missing(f"Open3D cannot draw here (exit status {done.returncode}): {_reason(done.stderr)}")


def _cannot_import(reason: str) -> ReconError:
    return missing_library("Open3D", reason) or _missing(f"Open3D cannot be loaded: {reason}")


def _missing(message: str) -> ReconError:
    return ReconError(message, code=Cause.MISSING_LIBRARY, try_=f"on Debian or Ubuntu: {INSTALL_LINE}")


def _reason(stderr: str) -> str:
    for line in stderr.splitlines():
        if re.search(r"error|fail|cannot|unable|not found", line, re.IGNORECASE):
            return re.sub(r"\x1b\[[\d;]*m|^\W*reason: ", "", line).strip()[:200]
    return "no Vulkan driver, most likely"
