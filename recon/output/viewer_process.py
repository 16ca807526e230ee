"""Runs the Open3D viewer in a process of its own, and says in words why it does not work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from recon.core.errors import Cause, ReconError
from recon.core.libraries import INSTALL_LINE, missing_library
from recon.output.picture import DEFAULT_SIZE, save_picture
from recon.output.scene import Scene
from recon.output.view_scene import ViewScene
from recon.output.viewer import CANNOT_IMPORT

_SCREENSHOT_SECONDS = 300
_LOOK_SECONDS = 1.0
"""Between two looks for a newer scene."""


def screenshot(scene: Scene, path: Path, size: tuple[int, int] = DEFAULT_SIZE) -> None:
    """Render a scene with Open3D, without a window; `size` is width and height in pixels.

    Raises:
        ReconError: MISSING_LIBRARY, naming it and the line that installs it.
        OSError: The file cannot be written.
    """
    # Off any display that there may be: it could be a remote one without the graphics that this needs.
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    with tempfile.TemporaryDirectory(prefix="recon-view-") as folder:
        file, rendered = Path(folder) / "scene.npz", Path(folder) / "pixels.npy"
        scene.write(file)
        command = _command("screenshot", file, str(rendered), str(size[0]), str(size[1]))
        try:
            # Filament talks of itself on standard output.
            done = subprocess.run(
                command,
                env=environment,
                timeout=_SCREENSHOT_SECONDS,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _missing(f"Open3D did not finish within {_SCREENSHOT_SECONDS:g} s") from error
        _refuse_failure(done.returncode, done.stderr)
        save_picture(np.load(rendered), path)


def has_screen() -> bool:
    """Return whether there may be a screen to open a window on."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def require_screen() -> None:
    """Refuse to go on where no window can be opened.

    Raises:
        ReconError: NO_DEVICE.
    """
    if not has_screen():
        raise ReconError(
            "there is no screen to open a window on (DISPLAY is not set)",
            code=Cause.NO_DEVICE,
            try_="draw a picture, recon view OUT --screenshot model.png, or serve a page: recon view OUT --web",
        )


def show_scene(shown: ViewScene, title: str, newer: Callable[[], ViewScene | None] | None = None) -> None:
    """Show a scene in a window, until the user closes it.

    Args:
        newer: Called every second: the scene to show from now on; None leaves it.

    Raises:
        ReconError: MISSING_LIBRARY, naming it and the line that installs it.
    """
    with tempfile.TemporaryDirectory(prefix="recon-view-") as folder:
        file, errors = Path(folder) / "scene.npz", Path(folder) / "errors.txt"
        shown.write(file)
        # Its standard output is ours: what is picked is answered there.
        with errors.open("w") as stream:
            process = subprocess.Popen(_command("window" if newer is None else "live", file, title), stderr=stream)
        try:
            while newer is not None and not _has_ended(process):
                if (scene := newer()) is not None:
                    scene.write(file.with_suffix(".new"))
                    file.with_suffix(".new").replace(file)
            process.wait()
        finally:
            process.terminate()
            process.wait()
        _refuse_failure(process.returncode, errors.read_text("utf-8", errors="replace"))


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _command(task: str, scene: Path, *rest: str) -> list[str]:
    return [sys.executable, "-m", "recon.output.viewer", task, str(scene), *rest]


def _refuse_failure(status: int, stderr: str) -> None:
    if status == CANNOT_IMPORT:
        raise _cannot_import(stderr.strip().splitlines()[-1])
    if status:
        raise _missing(f"Open3D cannot draw here (exit status {status}): {_reason(stderr)}")


def _cannot_import(reason: str) -> ReconError:
    return missing_library("Open3D", reason) or _missing(f"Open3D cannot be loaded: {reason}")


def _missing(message: str) -> ReconError:
    return ReconError(message, code=Cause.MISSING_LIBRARY, try_=f"on Debian or Ubuntu: {INSTALL_LINE}")


def _reason(stderr: str) -> str:
    for line in stderr.splitlines():
        if re.search(r"error|fail|cannot|unable|not found", line, re.IGNORECASE):
            return re.sub(r"\x1b\[[\d;]*m|^\W*reason: ", "", line).strip()[:200]
    return "no Vulkan driver, most likely"
