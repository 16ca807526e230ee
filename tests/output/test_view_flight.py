"""The flight goes past the cameras, looks where they look, upright, and never jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.output.view_flight import fly_along, fly_through, walking_order
from recon.output.view_models import ShownModel, view_scene

SIZE = (80, 60)
UP = np.array([0.0, -1.0, 0.0])


def row_of_cameras(count=6):
    centers = np.column_stack([np.linspace(0, 10, count), np.zeros(count), np.zeros(count)])
    return centers, np.tile([0.0, 0.0, 1.0], (count, 1)), np.tile(UP, (count, 1))


def test_it_begins_at_the_first_and_ends_at_the_last_camera():
    centers, forward, up = row_of_cameras()
    flight = fly_through(centers, forward, up, SIZE, 50, back=1.0, reach=5.0)

    assert len(flight) == 50
    assert flight[0].position == pytest.approx([0, 0, -1], abs=0.8)
    assert flight[-1].position == pytest.approx([10, 0, -1], abs=0.8)
    steps = np.linalg.norm(np.diff([view.position for view in flight], axis=0), axis=1)
    assert steps.max() < 0.5
    for view in flight:
        np.testing.assert_allclose(view.cam_from_world, np.eye(3), atol=1e-12)  # upright, looking ahead


def test_each_camera_is_seen_from_behind(synthetic_model):
    shown = view_scene([ShownModel(synthetic_model())], SIZE)
    flight = fly_along(shown, SIZE, 60)
    for photo in walking_order(shown.links.centers)[[0, -1]]:
        nearest = min(flight, key=lambda view: np.linalg.norm(view.position - shown.links.centers[photo]))
        assert nearest.cam_from_world[2] @ shown.links.forward[photo] > 0.7


def test_the_order_of_names_stays_unless_it_leaps_about():
    centers = row_of_cameras(12)[0]
    np.testing.assert_array_equal(walking_order(centers), range(12))

    shuffled = np.random.default_rng(0).permutation(12)
    walked = centers[shuffled][walking_order(centers[shuffled])][:, 0]
    assert (np.abs(np.diff(walked)) < 1).all()


def test_between_cameras_back_to_back_the_view_is_still_one():
    """Half way, the two directions cancel."""
    forward = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    for view in fly_through(np.zeros((2, 3)), forward, np.tile(UP, (2, 1)), SIZE, 3, back=0.0, reach=1.0):
        np.testing.assert_allclose(view.cam_from_world @ view.cam_from_world.T, np.eye(3), atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), cameras=st.integers(0, 9), count=st.integers(0, 20), same=st.booleans())
def test_any_cameras_can_be_flown_along(seed, cameras, count, same):
    """All in one place, back to back, up along the view: every viewpoint is a rotation and finite."""
    rng = np.random.default_rng(seed)
    centers = np.zeros((cameras, 3)) if same else rng.normal(size=(cameras, 3))
    forward = rng.choice([-1.0, 1.0], size=(cameras, 1)) * np.tile([0.0, 0.0, 1.0], (cameras, 1))
    up = forward.copy() if same else rng.normal(size=(cameras, 3))
    flight = fly_through(centers, forward, up, SIZE, count, 1.0, 1.0)

    assert len(flight) == (count if cameras else 0)
    for view in flight:
        assert np.isfinite(view.position).all()
        np.testing.assert_allclose(view.cam_from_world @ view.cam_from_world.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(view.cam_from_world) == pytest.approx(1)
