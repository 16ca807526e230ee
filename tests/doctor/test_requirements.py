"""Versions are compared as numbers, and what is not understood is let pass."""

from __future__ import annotations

from importlib import metadata

import pytest

from recon.doctor import requirements


@pytest.mark.parametrize(
    ("version", "asked", "fits"),
    [
        ("4.2.1", ">=4.2,<4.3", True),
        ("4.3.0", ">=4.2,<4.3", False),
        ("4.10", ">=4.9", True),
        ("3.12", ">=4", False),
        ("2.13.0+cpu", ">=2.4", True),
        ("2.0.0rc1", "!=2.0.0", False),
        ("1.0", "==1.0.0", True),
        ("1.0", "", True),
        ("1.0", "~=1.0", True),
        ("unknown", ">=0", True),
    ],
)
def test_a_version_fits_or_not(version, asked, fits):
    assert requirements.is_within(version, asked) is fits


def test_what_recon_asks_for_is_read_from_its_metadata():
    asked = requirements.required_versions()

    assert asked["pycolmap"].startswith((">=4", "<"))
    assert "opencv-python" in asked
    assert "kornia" in asked  # of an extra


def test_a_package_that_is_not_installed_has_no_version():
    assert requirements.installed_version("no-such-package-at-all") is None


def test_markers_and_extras_are_read_over(monkeypatch):
    lines = ["Some_Package[extra] (<2,>=1) ; extra == 'x'", "plain", "recon-sfm[attention] ; extra == 'all'"]
    monkeypatch.setattr(metadata, "requires", lambda name: lines)

    assert requirements.required_versions() == {"some-package": "<2,>=1", "plain": "", "recon-sfm": ""}
