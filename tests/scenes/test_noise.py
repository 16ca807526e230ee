"""Noise is the same for the same seed, another for another, and without a seam."""

from __future__ import annotations

import numpy as np
import pytest

from recon.scenes.noise import cell_sheets, look_up, solid_noise, spectral_sheet

SHEETS = {
    "spectral": lambda seed: spectral_sheet(128, seed, 1.2),
    "cell value": lambda seed: cell_sheets(128, seed, 200)[0],
    "cell depth": lambda seed: cell_sheets(128, seed, 200)[1],
}


@pytest.mark.parametrize("make", SHEETS.values(), ids=SHEETS)
def test_a_sheet_depends_on_its_seed_alone(make):
    sheet = make(5)

    assert np.array_equal(sheet, make(5))
    assert not np.array_equal(sheet, make(6))
    assert sheet.dtype == np.float32
    assert sheet.min() >= 0.0
    assert sheet.max() <= 1.0


@pytest.mark.parametrize("make", [SHEETS["spectral"], SHEETS["cell depth"]], ids=["spectral", "cell depth"])
def test_a_sheet_continues_over_its_edge(make):
    """Across the edge neighbours differ no more than inside."""
    sheet = make(5)
    inside = np.abs(np.diff(sheet, axis=1)).mean()
    across = np.abs(sheet[:, 0] - sheet[:, -1]).mean()

    assert across < 2.0 * inside


def test_solid_noise_is_smooth_and_moderate():
    points = np.random.default_rng(0).uniform(-5.0, 5.0, (2000, 3)).astype(np.float32)
    noise = solid_noise(points, 3, wavelength=1.0)

    assert np.array_equal(noise, solid_noise(points, 3, wavelength=1.0))
    assert 0.1 < noise.std() < 1.0
    assert np.abs(solid_noise(points + np.float32(1e-3), 3, wavelength=1.0) - noise).max() < 0.05


def test_looking_up_reads_between_texels_and_around_the_edge():
    sheet = np.arange(16, dtype=np.float32).reshape(4, 4)

    found = look_up(sheet, np.array([[1.0, 2.0], [1.5, 2.0], [3.5, 0.0]]))

    assert found[:, 0].tolist() == [9.0, 9.5, 1.5]


def test_looking_up_nothing_finds_nothing():
    assert look_up(np.zeros((4, 4, 3), np.uint8), np.zeros((0, 2))).shape == (0, 3)
