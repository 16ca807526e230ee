"""The `auto` mapper keeps the contract of mappers, and is what a run takes by itself."""

from __future__ import annotations

from recon_plugins.auto_mapper import AutoOptions, recon_mappers

from recon import RunContext
from recon.core.kinds import Kind
from recon.core.registry import load_plugins
from recon.engine.mapper import IncrementalMapper
from recon.testing import MapperContract

(SPEC,) = recon_mappers()


class TestAuto(MapperContract):
    spec = SPEC


def test_it_begins_with_the_incremental_mapper_as_it_comes():
    assert SPEC.create(AutoOptions(), RunContext()).incremental == IncrementalMapper()


def test_without_the_skeleton_all_matches_are_used():
    assert SPEC.create(AutoOptions(skeleton=False), RunContext()).incremental.skeleton is None


def test_it_is_found_by_name():
    assert load_plugins().find(Kind.MAPPER, "auto").spec.name == "auto"
