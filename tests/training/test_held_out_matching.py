"""Whether tuned weights are better is judged by pairs, and not by luck."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.training.held_out_matching import Matching, judge


def matching(right: np.ndarray, share: float = 0.5) -> Matching:
    """Return pairs with so many right matches."""
    right = np.asarray(right, np.float64)
    return Matching(np.maximum(right / share, 1), np.column_stack([right, right]))


def test_more_right_matches_in_nearly_all_pairs_are_better():
    before = np.linspace(100, 200, 20)
    verdict = judge(matching(before), matching(before * 1.1))

    assert verdict.is_better
    assert verdict.gain == pytest.approx(0.1)
    assert "10.0% more right matches" in verdict.reason


def test_a_gain_in_one_pair_alone_may_be_chance():
    before = np.full(20, 100.0)
    after = before - 1
    after[0] += 100

    verdict = judge(matching(before), matching(after))

    assert verdict.gain > 0
    assert not verdict.is_better
    assert "chance" in verdict.reason


def test_more_right_matches_among_many_more_wrong_ones_are_no_better():
    before = np.full(20, 100.0)
    verdict = judge(matching(before, share=0.8), matching(before * 1.2, share=0.4))

    assert not verdict.is_better
    assert "smaller share" in verdict.reason


@given(st.lists(st.integers(0, 500), min_size=4, max_size=30))
@settings(deadline=None)
def test_the_same_is_never_better_than_itself(right):
    verdict = judge(matching(np.array(right)), matching(np.array(right)))

    assert not verdict.is_better


@given(st.lists(st.integers(1, 500), min_size=4, max_size=30), st.floats(0.1, 0.9))
@settings(deadline=None)
def test_fewer_are_never_better(right, factor):
    before = np.array(right, np.float64)

    assert not judge(matching(before), matching(before * factor)).is_better
