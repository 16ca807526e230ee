"""A cleaned model has no wild points, keeps the good ones, and the model it came from keeps all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core.errors import Cause, ReconError
from recon.output.certain_points import MAX_ERROR_PX
from recon.output.cleaning import are_strays, cleaned


def test_wild_points_go_and_the_others_stay(synthetic_model) -> None:
    model = synthetic_model(images=6, points=200)
    ids = sorted(model.points3D)
    model.point3D(ids[0]).error = MAX_ERROR_PX + 1
    model.point3D(ids[1]).xyz = np.array([np.nan, 0, 0])
    model.point3D(ids[2]).xyz = np.array([1e7, 0, 0])  # hardly an angle between its rays
    found = cleaned(model)

    assert not set(ids[:3]) & set(found.model.points3D)
    assert found.num_uncertain == 3
    assert found.model.num_points3D() >= 0.9 * len(ids)
    assert found.model.num_points3D() == len(ids) - found.num_uncertain - found.num_strays


def test_the_model_itself_keeps_its_points_and_the_copy_its_photos(synthetic_model) -> None:
    model = synthetic_model(images=6, points=100)
    model.point3D(min(model.points3D)).error = 10.0
    found = cleaned(model)

    assert model.num_points3D() == 100
    assert found.model.num_points3D() < 100
    assert found.model.reg_image_ids() == model.reg_image_ids()
    assert found.model.compute_num_observations() == sum(
        point.track.length() for point in found.model.points3D.values()
    )


def test_a_model_without_a_certain_point_says_so(synthetic_model) -> None:
    model = synthetic_model(images=3, points=20)
    for point in model.points3D.values():
        point.error = 50.0
    with pytest.raises(ReconError, match="none of the model's 20 points") as caught:
        cleaned(model)

    assert caught.value.code is Cause.MODEL_TOO_SMALL


def plane(num_points: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.column_stack([generator.uniform(-1, 1, (num_points, 2)), generator.normal(0, 0.005, num_points)])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-6, 1.0, 1e6]), shift=st.sampled_from([0.0, 10.0]))
def test_points_off_a_surface_are_found_at_any_scale(seed: int, scale: float, shift: float) -> None:
    strays = np.array([[0, 0, 3.0], [0, 2.5, -2], [3, 3, 3]])
    found = are_strays((np.concatenate([plane(500, seed), strays]) + shift) * scale)

    assert found[-3:].all()
    assert found[:-3].mean() < 0.05


def test_one_point_at_the_end_of_the_world_does_not_hide_the_others() -> None:
    """Of plain distances it would be the only one over any threshold that grows with their deviation."""
    found = are_strays(np.concatenate([plane(500, 0), [[0, 0, 3.0], [1e9, 0, 0]]]))

    assert found[-2:].all()


def test_a_background_five_times_sparser_than_the_foreground_stays() -> None:
    background = plane(500, 1) * 5 + np.array([0, 0, 20.0])
    found = are_strays(np.concatenate([plane(500, 0), background]))

    assert found.mean() < 0.05


@pytest.mark.parametrize("num_points", [0, 1, 16])
def test_of_a_few_points_none_is_a_stray(num_points: int) -> None:
    assert not are_strays(plane(num_points, 0)).any()


def test_points_in_one_place_are_no_strays() -> None:
    assert not are_strays(np.zeros((40, 3))).any()
