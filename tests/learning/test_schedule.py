"""The learning rate: up while warming up, down by a cosine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from recon.learning.schedule import learning_rate, make_optimiser
from recon.learning.settings import TrainSettings

SETTINGS = TrainSettings(steps=1000, warm_up=100, learning_rate=1e-3, last_rate=0.01)


@given(st.integers(0, 999))
@settings(deadline=None)
def test_it_is_above_nothing_and_never_higher_than_asked(step):
    assert 0 < learning_rate(step, SETTINGS) <= SETTINGS.learning_rate


def test_it_grows_and_then_falls():
    rates = [learning_rate(step, SETTINGS) for step in range(1000)]

    assert rates[99] == SETTINGS.learning_rate
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[-1] == pytest.approx(1e-5, rel=0.01)


def test_without_warming_up_it_begins_at_its_highest():
    assert learning_rate(0, TrainSettings(warm_up=0, learning_rate=0.5)) == 0.5


def test_norms_and_biases_do_not_decay_and_what_is_frozen_is_left_out():
    module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    module[2].requires_grad_(False)

    groups = make_optimiser(module, TrainSettings(weight_decay=0.1)).param_groups

    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(1, 0.1), (3, 0.0)]
