"""What is recommended is a command that goes further than the one that was given."""

from __future__ import annotations

import pytest

from recon.core.commands import RunCommand
from recon.engine.diagnosis import advice


def command(*options: tuple[str, str | None]) -> RunCommand:
    return RunCommand("photos", "out", options)


def test_first_more_keypoints_at_a_higher_resolution():
    asked = advice.stronger(command(("-o", "out"), ("--preset", "fast"), ("--max-size", "500")))

    assert asked is not None
    assert asked.startswith("recon run photos -o out --preset best,")


def test_then_another_kind_of_features():
    asked = advice.stronger(command(("--preset", "best")))

    assert asked is not None
    assert "--extractor xfeat --matcher lightglue" in asked


@pytest.mark.parametrize("option", [("--extractor", "xfeat"), ("--matcher", "xfeat-star")])
def test_in_the_end_no_command_is_stronger(option):
    assert advice.stronger(command(("--preset", "best"), option)) is None


def test_comparing_all_photos_drops_the_file_of_pairs():
    assert advice.compare_all(command(("--pairs-file", "pairs.txt"))) == "recon run photos --pairs exhaustive"


def test_a_camera_for_each_photo_drops_the_grouping_that_was_given():
    assert advice.own_cameras(command(("--single-camera", None))) == "recon run photos --camera-per-image"


def test_another_seed_is_the_next_one():
    assert advice.other_seed(command(("--seed", "4"))).endswith("--seed 5")


def test_ways_that_there_are_not_are_not_named():
    assert advice.either("a", None, "b") == "a; or b"
