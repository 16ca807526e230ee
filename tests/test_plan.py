"""What is not given comes from the preset; what makes no sense is refused before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.plan import make_plan


@pytest.mark.parametrize(
    ("preset", "size", "num"), [("fast", 1024, 2048), ("balanced", 1600, 4096), ("best", 3200, 8192)]
)
def test_a_preset_stands_for_numbers(preset, size, num) -> None:
    plan = make_plan(preset=preset)

    assert (plan.max_size, plan.max_keypoints) == (size, num)
    assert plan.threads >= 1


def test_an_option_beats_the_preset() -> None:
    plan = make_plan(preset="best", max_size=800, max_keypoints=100)

    assert plan.max_size == 800
    assert plan.defaults_for(Kind.EXTRACTOR) == {"max_keypoints": 100}


def test_best_uses_every_match() -> None:
    assert make_plan(preset="best").defaults_for(Kind.MAPPER) == {"skeleton": False}
    assert make_plan().defaults_for(Kind.MAPPER) == {}


@pytest.mark.parametrize(
    ("given", "name"),
    [({}, None), ({"preset": "best"}, "photometric"), ({"preset": "best", "refiner": "none"}, None),
     ({"refiner": "theirs"}, "theirs")],
)  # fmt: skip
def test_keypoints_are_refined_where_the_preset_or_the_user_says_so(given, name) -> None:
    assert make_plan(**given).refiner_name == name


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "quick"},
        {"max_size": 0},
        {"max_keypoints": 0},
        {"threads": 0},
        {"seed": -1},
        {"device": "tpu"},
        {"pairs": "exhaustive", "pairs_file": Path("pairs.txt")},
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_give(wrong) -> None:
    with pytest.raises(UsageError) as caught:
        make_plan(**wrong)

    assert caught.value.code is Cause.BAD_VALUE
    assert caught.value.try_
