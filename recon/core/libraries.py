"""Says of a library that does not load what it misses, and the line that installs that."""

from __future__ import annotations

import re

from recon.core.errors import Cause, ReconError

SYSTEM_PACKAGES = {
    "libGL": "libgl1",
    "libEGL": "libegl1",
    "libidn2": "libidn2-0",
    "libX11": "libx11-6",
    "libxcb": "libxcb1",
    "libudev": "libudev1",
    "libglib": "libglib2.0-0",
    "libgthread": "libglib2.0-0",
    "libusb": "libusb-1.0-0",
    "libvulkan": "libvulkan1",
    "libgomp": "libgomp1",
}
"""A shared library's name -> the Debian package that brings it."""
INSTALL_LINE = (
    "sudo apt-get install -y libgl1 libegl1 libidn2-0 libx11-6 libudev1 libglib2.0-0 libusb-1.0-0 libvulkan1 "
    "mesa-vulkan-drivers"
)
"""Everything that OpenCV and Open3D load and a bare Debian has not."""
_DISTRIBUTIONS = {"cv2": "opencv-python", "PIL": "pillow"}
"""What pip calls a module, where that differs."""


def missing_library(what: str, reason: str) -> ReconError | None:
    """Return the error MISSING_LIBRARY for an import that failed, or None for a mistake in the code.

    Args:
        what: Who imported, as a sentence begins: `Open3D`, `'sift'`.
        reason: The message of the ImportError.
    """
    if module := re.match(r"No module named '(\w+)", reason):
        package = _DISTRIBUTIONS.get(module[1], module[1])
        message = f"{what} needs the Python package {package}, which is not installed"
        return ReconError(message, code=Cause.MISSING_LIBRARY, try_=f"pip install {package}")
    if library := re.match(r"(lib[\w+-]+?)(?:[-.][\d.]*)?\.so", reason):
        named = f" (Debian package {SYSTEM_PACKAGES[library[1]]})" if library[1] in SYSTEM_PACKAGES else ""
        message = f"{what} cannot be loaded: {reason}{named}"
        return ReconError(message, code=Cause.MISSING_LIBRARY, try_=f"on Debian or Ubuntu: {INSTALL_LINE}")
    return None
