"""Any depth to 8 bits."""

from __future__ import annotations

import numpy as np
import pytest

from recon.matching.eight_bits import over_black, to_eight_bits


def test_eight_bits_stay_as_they_are():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)

    assert to_eight_bits(pixels) is pixels


def test_full_sixteen_bits_are_divided_by_257():
    pixels = np.array([[0, 257, 65535]], np.uint16)

    assert to_eight_bits(pixels).tolist() == [[0, 1, 255]]


@pytest.mark.parametrize("bits", range(9, 17))
def test_a_range_of_fewer_bits_fills_the_eight(bits):
    """A 12-bit camera writes 16-bit files; divided by 257 they would be black."""
    pixels = np.array([[0, 2**bits - 1]], np.uint16)

    assert to_eight_bits(pixels).tolist() == [[0, 255]]


def test_small_numbers_are_not_stretched():
    pixels = np.array([[0, 3, 200]], np.uint16)

    assert to_eight_bits(pixels).tolist() == [[0, 3, 200]]


def test_fractions_are_taken_as_zero_to_one():
    pixels = np.array([[-1.0, 0.0, 0.5, 1.0, np.nan, np.inf]], np.float32)

    assert to_eight_bits(pixels).tolist() == [[0, 0, 128, 255, 0, 0]]


def test_fractions_above_one_are_scaled_by_the_largest():
    assert to_eight_bits(np.array([[0.0, 500.0, 1000.0]])).tolist() == [[0, 128, 255]]


def test_two_values_become_black_and_white():
    assert to_eight_bits(np.array([[False, True]])).tolist() == [[0, 255]]


def test_what_is_transparent_becomes_black():
    pixels = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [200, 100, 50, 128]]], np.uint8)

    assert over_black(pixels).tolist() == [[[0, 0, 0], [10, 20, 30], [100, 50, 25]]]
