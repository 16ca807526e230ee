"""The first step asks what pycolmap asks; each later one asks for less, never for more."""

from __future__ import annotations

from itertools import pairwise

import pycolmap
import pytest

from recon.engine.ladder import LADDER


def demands(step):
    """Return what the step asks for; larger is stricter."""
    return (
        step.min_num_inliers,
        step.min_angle_deg,
        -step.max_forward_motion,
        step.min_pose_inliers,
        not step.two_view_tracks,
    )


def test_the_first_step_is_pycolmaps_own():
    pipeline = pycolmap.IncrementalPipelineOptions()
    mapper, triangulator = pipeline.get_mapper(), pipeline.get_triangulation()

    assert demands(LADDER[0]) == (
        mapper.init_min_num_inliers,
        mapper.init_min_tri_angle,
        -mapper.init_max_forward_motion,
        mapper.abs_pose_min_num_inliers,
        triangulator.ignore_two_view_tracks,
    )


def test_no_step_asks_more_than_the_one_before():
    for stricter, looser in pairwise(LADDER):
        assert demands(looser) != demands(stricter)
        assert all(after <= before for before, after in zip(demands(stricter), demands(looser), strict=True))


def test_steps_have_names_of_their_own():
    """A checkpoint knows its step by name, and the user reads it."""
    assert len({step.name for step in LADDER}) == len(LADDER)


@pytest.mark.parametrize("step", LADDER, ids=lambda step: step.name)
def test_the_rest_of_the_photos_is_asked_no_more_than_the_first(step):
    rest = step.for_the_rest()

    assert rest.name == step.name
    assert all(after <= before for before, after in zip(demands(step), demands(rest), strict=True))
