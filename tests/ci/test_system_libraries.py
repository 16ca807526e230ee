"""`.ci/system-libraries` on machines that are only told of: fake commands say what is there and who asks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / ".ci" / "system-libraries"
_FILES = (
    "libGL.so.1",
    "libEGL.so.1",
    "libidn2.so.0",
    "libX11.so.6",
    "libudev.so.1",
    "libglib-2.0.so.0",
    "libusb-1.0.so.0",
    "libvulkan.so.1",
)


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """Return a function that runs the script, and gives what it printed and what apt-get was asked for."""

    def run(missing: tuple[str, ...], *, user: int = 0, sudo: bool = False, apt: bool = True) -> tuple[str, str]:
        libraries = "".join(f"\\t{name} (libc6,x86-64) => /lib/{name}\\n" for name in _FILES if name not in missing)
        commands = {
            "uname": "echo Linux",
            "ldconfig": f"printf '{libraries}'",
            "id": f"echo {user}",
            "sudo": f'[ {int(sudo)} = 1 ] || exit 1; shift; exec "$@"',
            "find": "echo driver.json",
        }
        if apt:
            commands["apt-get"] = f'echo "$*" >> {tmp_path}/asked'
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, text in commands.items():
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(0o755)
        for name in ("env", "grep", "mktemp", "rm", "tail", "true"):
            (folder / name).symlink_to(shutil.which(name) or name)
        result = subprocess.run(
            ["/bin/sh", str(_SCRIPT), sys.executable],
            env={"PATH": str(folder)},
            capture_output=True,
            text=True,
            check=True,
        )
        asked = tmp_path / "asked"
        return result.stdout + result.stderr, asked.read_text() if asked.exists() else ""

    return run


def test_nothing_is_said_where_nothing_is_missing(ask: Callable[..., tuple[str, str]]):
    assert ask(()) == ("", "")


@pytest.mark.parametrize("who", [{"user": 0}, {"user": 1000, "sudo": True}])
def test_only_what_is_missing_is_installed_where_that_needs_no_password(
    ask: Callable[..., tuple[str, str]], who: dict[str, int]
):
    _, asked = ask(("libGL.so.1", "libudev.so.1"), **who)

    assert asked.splitlines() == ["update", "install -y --no-install-recommends libgl1 libudev1"]


def test_the_line_to_type_is_printed_where_a_password_is_needed(ask: Callable[..., tuple[str, str]]):
    printed, asked = ask(("libusb-1.0.so.0",), user=1000)

    assert "sudo apt-get update && sudo apt-get install libusb-1.0-0\n" in printed
    assert not asked


def test_the_files_are_named_where_there_is_no_apt(ask: Callable[..., tuple[str, str]]):
    printed, _ = ask(("libvulkan.so.1",), apt=False)

    assert "libvulkan.so.1" in printed
    assert "sudo" not in printed
