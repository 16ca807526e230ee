"""A name in the truth means one image of the model, or none."""

from __future__ import annotations

import unicodedata

import pytest

from recon.core.errors import UsageError
from recon.evaluation.names import match_names


def test_equal_names_go_before_base_names():
    assert match_names(["a.jpg"], ["left/a.jpg", "a.jpg"]) == {"a.jpg": "a.jpg"}


def test_a_base_name_finds_its_only_image():
    assert match_names(["a.jpg"], ["left/a.jpg", "left/b.jpg"]) == {"a.jpg": "left/a.jpg"}


def test_a_longer_name_in_the_truth_finds_its_end():
    assert match_names(["images/a.jpg"], ["a.jpg"]) == {"images/a.jpg": "a.jpg"}


def test_another_folder_of_the_same_base_name_is_another_image():
    assert match_names(["right/a.jpg"], ["left/a.jpg"]) == {}


def test_a_base_name_of_two_images_is_refused():
    with pytest.raises(UsageError, match="several images"):
        match_names(["a.jpg"], ["left/a.jpg", "right/a.jpg"])


def test_two_names_for_one_image_are_refused():
    with pytest.raises(UsageError, match="several names"):
        match_names(["left/a.jpg", "right/a.jpg"], ["a.jpg"])


def test_decomposed_accents_and_backslashes_are_the_same_name():
    decomposed = unicodedata.normalize("NFD", "é.jpg")

    assert match_names([f"left\\{decomposed}"], ["left/é.jpg"]) == {f"left\\{decomposed}": "left/é.jpg"}
