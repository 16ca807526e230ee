"""The `incremental` mapper keeps the contract of mappers, on a skeleton and on all matches."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from recon_plugins.incremental import IncrementalOptions, recon_mappers

from recon import RunContext
from recon.engine.mapper import IncrementalMapper
from recon.engine.skeleton import SkeletonOptions
from recon.testing import MapperContract

(SPEC,) = recon_mappers()


class TestOnASkeleton(MapperContract):
    spec = SPEC


class TestOnAllMatches(MapperContract):
    spec = SPEC
    options = {"skeleton": False}  # noqa: RUF012 - as the contract declares it


def create(**options):
    return SPEC.create(IncrementalOptions(**options), RunContext())


def test_the_options_reach_the_engine():
    mapper = create(skeleton_keypoints=123, skeleton_matches_per_pair=45, max_models=6)

    assert asdict(mapper.skeleton) == {**asdict(SkeletonOptions()), "keypoints_per_image": 123, "matches_per_pair": 45}
    assert mapper.max_models == 6


def test_the_defaults_are_the_engines():
    assert create() == IncrementalMapper()


def test_without_the_skeleton_all_matches_are_used():
    assert create(skeleton=False).skeleton is None


@pytest.mark.parametrize("option", ["skeleton_keypoints", "skeleton_matches_per_pair", "max_models"])
def test_values_that_give_no_model_are_refused_by_name(option):
    with pytest.raises(ValueError, match=option):
        IncrementalOptions(**{option: 0})
