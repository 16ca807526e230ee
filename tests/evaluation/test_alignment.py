"""The similarity of Umeyama, by its laws."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.evaluation.alignment import align


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3))
def test_a_known_similarity_is_found_again(seed, scale):
    rng = np.random.default_rng(seed)
    source, shift = rng.normal(size=(5, 3)), rng.normal(size=3)
    quaternion = rng.normal(size=4)
    rotation = pycolmap.Rotation3d(quaternion / np.linalg.norm(quaternion)).matrix()

    found = align(source, scale * source @ rotation.T + shift)

    assert found.scale == pytest.approx(scale)
    assert found.rotation == pytest.approx(rotation, abs=1e-9)
    assert found.translation == pytest.approx(shift, abs=1e-9 * max(scale, 1))


def test_noise_is_aligned_as_pycolmap_does():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(20, 3))
    target = source + rng.normal(size=(20, 3)) * 0.1

    found, expected = align(source, target), pycolmap.estimate_sim3d(source, target)

    assert found.scale == pytest.approx(expected.scale)
    assert found.rotation == pytest.approx(expected.rotation.matrix())
    assert found.translation == pytest.approx(expected.translation)


def test_a_mirror_image_is_not_mirrored_back():
    """A model that is the mirror of its scene is wrong, and has to stay so."""
    rng = np.random.default_rng(0)
    source = rng.normal(size=(10, 3))

    found = align(source, source * [1, 1, -1])

    assert np.linalg.det(found.rotation) == pytest.approx(1)
    assert np.abs(found.apply(source) - source * [1, 1, -1]).max() > 0.1


def test_points_in_one_place_are_carried_to_the_middle_of_their_targets():
    target = np.array([[0.0, 0, 0], [2, 0, 0], [4, 0, 0]])

    assert align(np.ones((3, 3)), target).apply(np.ones((3, 3))) == pytest.approx(np.full((3, 3), [2, 0, 0]))


def test_points_on_a_line_are_aligned():
    """Photos along a straight walk: the turn around the line is free, the distances are not."""
    line = np.outer(np.arange(4.0), [1, 0, 0])

    assert align(line, 3 * line[:, [1, 0, 2]]).apply(line) == pytest.approx(3 * line[:, [1, 0, 2]], abs=1e-9)
