"""Pairs of several kinds, and what is put aside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core.errors import UsageError
from recon.learning.mixing import MixedSource, held_out
from recon.learning.validation import score_of
from recon.training.request import Mix


@dataclass
class Named:
    name: str

    def sample(self, rng: np.random.Generator) -> str:
        return self.name


def test_each_kind_is_taken_as_often_as_its_share_says():
    source = MixedSource([Named("a"), Named("b"), Named("c")], [1.0, 0.0, 3.0])
    found = Counter(source.sample(np.random.default_rng(seed)) for seed in range(4000))

    assert set(found) == {"a", "c"}
    assert found["c"] / 4000 == pytest.approx(0.75, abs=0.03)


@given(st.integers(0, 60), st.integers(2, 12))
@settings(deadline=None)
def test_every_item_is_kept_or_put_aside(count, every):
    kept, aside = held_out(range(count), every)

    assert sorted(kept + aside) == list(range(count))
    assert abs(len(aside) - count / every) < 1


@pytest.mark.parametrize("shares", [(0, 0, 0), (-1, 1, 1)])
def test_a_mix_of_nothing_is_refused(shares):
    with pytest.raises(UsageError):
        Mix(*shares)


def test_a_score_is_better_where_every_measure_is():
    worse = {"described": 0.5, "matches": 30.0, "precision": 0.4, "within_half_px": 0.2, "error_px": 1.0}
    better = {"described": 0.6, "matches": 60.0, "precision": 0.5, "within_half_px": 0.3, "error_px": 0.5}

    assert 0 < score_of(worse) < score_of(better) < 1
    assert score_of({"described": 0.7}) == 0.7
