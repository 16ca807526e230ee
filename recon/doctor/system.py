"""The system around Python: its version, shared libraries, the screen, cores and memory."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from recon.core.executor import available_threads
from recon.core.libraries import SYSTEM_PACKAGES
from recon.doctor.diagnosis import Diagnosis, State
from recon.doctor.trial import try_script
from recon.preflight.machine import free_memory_bytes, total_memory_bytes

_LEAST_PYTHON = (3, 11)
_LEAST_MEMORY_GB = 2.0
_FILES = {
    "libGL.so.1": "libGL",
    "libEGL.so.1": "libEGL",
    "libidn2.so.0": "libidn2",
    "libX11.so.6": "libX11",
    "libudev.so.1": "libudev",
    "libglib-2.0.so.0": "libglib",
    "libusb-1.0.so.0": "libusb",
    "libvulkan.so.1": "libvulkan",
    "libgomp.so.1": "libgomp",
}
"""What OpenCV and Open3D load, and the name of `SYSTEM_PACKAGES` for it."""
_VULKAN_DRIVERS = (Path("/usr/share/vulkan/icd.d"), Path("/etc/vulkan/icd.d"))
_VULKAN_PACKAGE = "mesa-vulkan-drivers"
_LOAD = """
import ctypes, json, sys
missing = []
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        missing.append(name)
print(json.dumps(missing))
"""


def examine_python() -> list[Diagnosis]:
    """Return whether this Python will do."""
    version = platform.python_version()
    least = ".".join(map(str, _LEAST_PYTHON))
    if sys.version_info[:2] < _LEAST_PYTHON:
        text = f"Python {version} is too old"
        return [Diagnosis("python", State.PROBLEM, text, f"make an environment with Python {least} or newer")]
    if sys.maxsize < 2**32:
        text = f"Python {version} is a 32-bit build: pycolmap and torch have none"
        return [Diagnosis("python", State.PROBLEM, text, "install a 64-bit Python")]
    return [Diagnosis("python", State.OK, f"{version} ({sys.executable})")]


def examine_system_libraries() -> list[Diagnosis]:
    """Return which shared libraries of the system are missing, and the line that installs them."""
    if not sys.platform.startswith("linux"):
        return []
    trial = try_script(_LOAD, *_FILES)
    if trial.failure is not None:
        return [Diagnosis("system libraries", State.NOTE, f"could not be looked at: {trial.failure}")]
    missing = list(trial.answer)
    packages = [SYSTEM_PACKAGES[_FILES[name]] for name in missing]
    if not any(path.is_dir() and any(path.glob("*.json")) for path in _VULKAN_DRIVERS):
        missing.append("a Vulkan driver")
        packages.append(_VULKAN_PACKAGE)
    if not missing:
        return [Diagnosis("system libraries", State.OK, "everything that OpenCV and Open3D load is here")]
    # OpenCV's own import has told already where one is missing that `recon run` needs.
    text = f"missing: {', '.join(missing)}; `recon view` may not work"
    mend = f"on Debian or Ubuntu: sudo apt-get install -y {' '.join(dict.fromkeys(packages))}"
    return [Diagnosis("system libraries", State.NOTE, text, mend)]


def examine_screen() -> list[Diagnosis]:
    """Return whether a window can be opened."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        text = "no screen (DISPLAY is not set): `recon view` opens no window here"
        return [Diagnosis("screen", State.NOTE, text, "draw a picture instead: recon view OUT --screenshot model.png")]
    return [Diagnosis("screen", State.OK, "windows can be opened")]


def examine_machine() -> list[Diagnosis]:
    """Return the cores and the memory."""
    threads = available_threads()
    cores = f"{threads} of {os.cpu_count() or threads} cores"
    total, free = total_memory_bytes(), free_memory_bytes()
    if total is None or free is None:
        return [Diagnosis("machine", State.OK, cores)]
    text = f"{cores}, {total / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB free"
    if free / 1e9 < _LEAST_MEMORY_GB:
        mend = "close other programs, or give --threads 1 and a smaller --max-size; `recon check PHOTOS` says how much"
        return [Diagnosis("machine", State.NOTE, f"{text}: little for large photos", mend)]
    return [Diagnosis("machine", State.OK, text)]
