"""The values between the stages are immutable, and shapes that do not fit are refused when they are made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core.data import Features, Image, ImagePair, LeftOut, Matches, PairPositions
from recon.core.errors import Cause


def features(count: int = 3, **changes: object) -> Features:
    fields = {
        "keypoints": np.zeros((count, 2), np.float32),
        "descriptors": np.zeros((count, 4), np.float32),
        "image_size": (8, 6),
        **changes,
    }
    return Features(**fields)


def test_an_image_tells_width_before_height():
    assert Image("a.jpg", np.zeros((6, 8, 3), np.uint8)).size == (8, 6)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 4), (3, 6, 8, 3)])
def test_pixels_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="pixels: expected shape"):
        Image("a.jpg", np.zeros(shape, np.uint8))


def test_a_mask_has_the_size_of_its_image():
    with pytest.raises(ValueError, match="mask"):
        Image("a.jpg", np.zeros((6, 8, 3), np.uint8), np.zeros((8, 6), np.uint8))


def test_no_keypoints_are_allowed():
    assert len(features(0)) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"keypoints": np.zeros((3, 3), np.float32)},
        {"descriptors": np.zeros((2, 4), np.float32)},
        {"scores": np.zeros(2, np.float32)},
        {"scales_px": np.zeros((3, 1), np.float32)},
        {"orientations_rad": np.zeros(4, np.float32)},
    ],
)
def test_features_are_row_for_row(change):
    with pytest.raises(ValueError, match="expected shape"):
        features(**change)


def test_arrays_cannot_be_written_afterwards():
    made = features(scores=np.zeros(3, np.float32))
    for array in (made.keypoints, made.descriptors, made.scores):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(FrozenInstanceError):
        made.scores = None


def test_matches_are_pairs_of_rows():
    with pytest.raises(ValueError, match="indices"):
        Matches(np.zeros((3, 3), np.uint32))
    with pytest.raises(ValueError, match="scores"):
        Matches(np.zeros((3, 2), np.uint32), np.zeros(2, np.float32))


def test_no_match_is_a_value():
    assert len(Matches.none()) == 0
    assert Matches.none().indices.dtype == np.uint32


def test_positions_are_row_for_row():
    with pytest.raises(ValueError, match="xy2"):
        PairPositions(np.zeros((3, 2)), np.zeros((2, 2)), np.zeros(3))


@given(st.text(), st.text())
def test_a_pair_has_one_spelling(name_a, name_b):
    if name_a == name_b:
        with pytest.raises(ValueError, match="name1 < name2"):
            ImagePair.of(name_a, name_b)
        return
    assert ImagePair.of(name_a, name_b) == ImagePair.of(name_b, name_a)


def test_a_photo_left_out_is_told_in_json():
    left_out = LeftOut("a.jpg", Cause.UNREADABLE, "truncated", "copy it again")

    assert left_out.as_dict() == {
        "image": "a.jpg",
        "cause": "unreadable",
        "detail": "truncated",
        "try": "copy it again",
        "evidence": {},
    }
