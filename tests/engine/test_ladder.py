"""The first step asks what pycolmap asks; each later one asks for less, never for more."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pycolmap
import pytest

from recon.engine.ladder import LADDER, ladder_for
from recon.engine.view_graph import ViewGraph


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


def graph_of(num_images, matched):
    """Return a view graph of a chain of images, each with `matched` keypoints, all of them matched."""
    offsets = np.arange(num_images + 1) * matched
    pairs = tuple(pairwise(range(num_images)))
    rows = np.arange(matched)
    return ViewGraph(
        image_ids=tuple(range(1, num_images + 1)),
        offsets=offsets,
        keypoints=np.zeros((offsets[-1], 2), np.float32),
        scales_px=np.ones(offsets[-1], np.float32),
        image_sizes=np.full((num_images, 2), 1000),
        pairs=pairs,
        matches=tuple(np.stack([rows + offsets[k1], rows + offsets[k2]], 1) for k1, k2 in pairs),
    )


def test_in_small_sets_with_few_matches_points_that_two_photos_see_count():
    assert all(step.two_view_tracks for step in ladder_for(graph_of(10, 500)))
    assert [step.name for step in ladder_for(graph_of(10, 500))] == [step.name for step in LADDER]


def test_where_matches_abound_or_photos_are_many_they_do_not():
    assert ladder_for(graph_of(10, 2000)) == LADDER
    assert ladder_for(graph_of(50, 500)) == LADDER
