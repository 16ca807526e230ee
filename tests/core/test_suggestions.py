"""A near name is suggested, a far one is not."""

from __future__ import annotations

import pytest

from recon.core.suggestions import did_you_mean


@pytest.mark.parametrize(("name", "expected"), [("sfit", "sift"), ("SIFT", "sift"), ("nearset", "nearest")])
def test_a_near_name_is_suggested(name, expected):
    assert did_you_mean(name, ["sift", "nearest"]) == f"; did you mean {expected!r}?"


def test_a_far_name_is_not():
    assert did_you_mean("lightglue", ["sift", "nearest"]) == ""


def test_the_suggestion_is_spelt_as_it_has_to_be_typed():
    assert did_you_mean("BA_refine", ["Ba_Refine"]) == "; did you mean 'Ba_Refine'?"
