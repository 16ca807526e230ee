"""Features that nobody asks for are never found; the first question finds all of them, once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from recon.core.data import Features
from recon.matching.on_demand import FeaturesOnDemand
from recon.testing import random_features

NAMES = ["a.jpg", "b.jpg"]


@pytest.fixture
def searches() -> list[Mapping[str, Features]]:
    return []


@pytest.fixture
def features(searches) -> FeaturesOnDemand:
    def find() -> Mapping[str, Features]:
        searches.append({name: random_features(5, seed=seed) for seed, name in enumerate(NAMES)})
        return searches[-1]

    return FeaturesOnDemand(NAMES, find)


def test_names_alone_ask_for_nothing(features, searches) -> None:
    """As `exhaustive` does, and `sequential` without loops."""
    assert (list(features), len(features), "a.jpg" in list(features)) == (NAMES, 2, True)
    assert searches == []


def test_the_first_question_finds_all_and_the_next_none(features, searches) -> None:
    found = [features[name] for name in ("b.jpg", "a.jpg", "b.jpg")]

    assert len(searches) == 1
    assert found[0] is found[2] is searches[0]["b.jpg"]


def test_a_photo_that_is_not_there_asks_for_nothing(features, searches) -> None:
    with pytest.raises(KeyError):
        features["c.jpg"]

    assert searches == []
