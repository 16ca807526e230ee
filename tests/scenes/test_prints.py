"""The print sheet holds every print at the place where it is said to be."""

from __future__ import annotations

import numpy as np
import pytest

from recon.scenes.prints import PRINT_M, PRINTS, print_sheet


@pytest.fixture(scope="module")
def sheet():
    return print_sheet(512, 2)


@pytest.mark.parametrize("name", PRINTS)
def test_every_print_lies_on_the_sheet_and_shows_something(sheet, name):
    left, top, width, height = (round(value / PRINT_M * 512) for value in PRINTS[name])
    part = sheet[top : top + height, left : left + width].astype(float)

    assert left + width <= 512
    assert top + height <= 512
    assert part.mean(axis=2).std() > 15.0


def test_the_sheet_depends_on_its_seed_alone(sheet):
    assert np.array_equal(sheet, print_sheet(512, 2))
    assert not np.array_equal(sheet, print_sheet(512, 3))
