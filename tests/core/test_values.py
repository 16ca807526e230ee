"""Texts become values of an option's type, and nothing else passes."""

from __future__ import annotations

import math
from enum import Enum
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core.values import describe_type, to_type


class Metric(Enum):
    COSINE = "cosine"
    EUCLIDEAN = "euclidean"


@pytest.mark.parametrize(
    ("wanted", "text", "value"),
    [
        (bool, "true", True),
        (bool, "Off", False),
        (int, "12", 12),
        (int, "-3", -3),
        (float, "1e-3", 0.001),
        (float, "4", 4.0),
        (str, "a=b:c", "a=b:c"),
        (Path, "~", Path.home()),
        (Literal["cosine", 2], "cosine", "cosine"),
        (Literal["cosine", 2], "2", 2),
        (Metric, "euclidean", Metric.EUCLIDEAN),
        (Metric, "EUCLIDEAN", Metric.EUCLIDEAN),
        (int | None, "none", None),
        (int | None, "7", 7),
        (float | None, "0.5", 0.5),
        (str | None, "x", "x"),
        (tuple[int, int], "3,4", (3, 4)),
        (tuple[float, ...], "1, 2.5", (1.0, 2.5)),
        (tuple[float, ...], "", ()),
        (tuple[int, str], "1,x", (1, "x")),
    ],
)
def test_a_text_is_read_as_the_type(wanted, text, value):
    read = to_type(wanted, text)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        (int, 5, 5),
        (float, 5, 5.0),
        (bool, True, True),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, ...], 3, (3,)),
        (int | None, 4, 4),
        (Path, "a/b", Path("a/b")),
    ],
)
def test_a_value_of_toml_is_read_as_the_type(wanted, value, expected):
    read = to_type(wanted, value)

    assert read == expected
    assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (bool, "maybe"),
        (bool, 2),
        (int, "1.5"),
        (int, 1.5),
        (int, True),
        (int, ""),
        (float, "nan"),
        (float, "many"),
        (float, True),
        (str, 3),
        (Literal["cosine"], "cosin"),
        (Metric, "angle"),
        (int | None, "x"),
        (tuple[int, int], "1"),
        (tuple[int, ...], "1,x"),
        (list[int], "1"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_sides(wanted, value):
    with pytest.raises(ValueError, match=r"expected .*, got") as caught:
        to_type(wanted, value)

    assert repr(value) in str(caught.value)


def test_the_types_are_told_in_words():
    assert describe_type(int | None) == "a whole number or none"
    assert describe_type(Literal["a", "b"]) == "one of a, b"
    assert describe_type(Metric) == "one of cosine, euclidean"
    assert describe_type(tuple[int, float]) == "2 values separated by commas (a whole number, a number)"


@given(st.integers())
def test_every_integer_survives_being_written(number):
    assert to_type(int, str(number)) == number


@given(st.floats(allow_nan=False))
def test_every_float_survives_being_written(number):
    assert to_type(float, repr(number)) == number


@given(st.text(), st.sampled_from([bool, int, float, Metric, tuple[int, int], int | None]))
def test_no_text_raises_anything_but_value_error(text, wanted):
    try:
        value = to_type(wanted, text)
    except ValueError:
        return
    assert not (isinstance(value, float) and math.isnan(value))
