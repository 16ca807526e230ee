"""A library that does not load is named, with the line that installs it."""

from __future__ import annotations

import pytest

from recon.core.errors import Cause
from recon.core.libraries import INSTALL_LINE, SYSTEM_PACKAGES, missing_library


@pytest.mark.parametrize(("module", "package"), [("cv2", "opencv-python"), ("kornia.feature", "kornia")])
def test_a_python_package_is_named_as_pip_calls_it(module: str, package: str):
    error = missing_library("extractor 'sift'", f"No module named '{module}'")

    assert error is not None
    assert error.code is Cause.MISSING_LIBRARY
    assert error.message == f"extractor 'sift' needs the Python package {package}, which is not installed"
    assert error.try_ == f"pip install {package}"


@pytest.mark.parametrize(
    ("library", "package"), [("libGL.so.1", "libgl1"), ("libusb-1.0.so.0", "libusb-1.0-0"), ("libxcb.so.1", "libxcb1")]
)
def test_a_system_library_is_named_with_its_package(library: str, package: str):
    error = missing_library("OpenCV", f"{library}: cannot open shared object file: No such file or directory")

    assert error is not None
    assert library in error.message
    assert f"(Debian package {package})" in error.message
    assert INSTALL_LINE in (error.try_ or "")


def test_a_mistake_in_the_code_is_no_missing_library():
    """It keeps its traceback."""
    assert missing_library("OpenCV", "cannot import name 'SIFT' from 'cv2'") is None


def test_the_line_installs_every_package_that_is_named():
    """libgomp1 and libxcb1 come along with others."""
    assert set(SYSTEM_PACKAGES.values()) - {"libgomp1", "libxcb1"} <= set(INSTALL_LINE.split())
