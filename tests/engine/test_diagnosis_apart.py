"""Two models of one run: what links them, in numbers."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.commands import RunCommand
from recon.core.components import MappingOptions
from recon.core.errors import Cause
from recon.core.events import ignore
from recon.engine.diagnosis import diagnose_apart, read_match_record
from recon.engine.mapper import IncrementalMapper


@pytest.fixture
def two_scenes(synthesize):
    """Return the database of two scenes that nothing links, of eight photos and of five."""
    path, _ = synthesize(images=8)
    return synthesize(images=5, seed=1, into=path)[0]


def link(path, num_matches, is_verified):
    """Match the first photo of one scene to the first of the other, keypoint for keypoint."""
    matches = np.stack([np.arange(num_matches, dtype=np.uint32)] * 2, 1)
    with pycolmap.Database.open(path) as database:
        database.write_matches(1, 9, matches)
        if is_verified:
            geometry = pycolmap.TwoViewGeometry()
            geometry.config = pycolmap.TwoViewGeometryConfiguration.UNCALIBRATED
            geometry.inlier_matches = matches
            geometry.F = np.eye(3)
            database.write_two_view_geometry(1, 9, geometry)


def diagnose(path):
    models = IncrementalMapper().map(path, MappingOptions(), ignore)
    assert [model.num_reg_images() for model in models] == [8, 5]
    (found,) = diagnose_apart(read_match_record(path), models, RunCommand("photos", "out"))
    assert (found.model, found.images) == ("sparse/1", 5)
    assert "recon view out/sparse/1" in found.try_
    return found


def test_one_model_alone_has_none_apart(synthesize):
    path, truth = synthesize(images=4)

    assert diagnose_apart(read_match_record(path), [truth]) == []


def test_nothing_matches(two_scenes):
    found = diagnose(two_scenes)

    assert found.cause is Cause.NO_MATCHES
    assert found.evidence["matched_pairs"] == found.evidence["verified_pairs"] == 0


def test_matches_that_fit_no_camera_motion(two_scenes):
    link(two_scenes, 40, is_verified=False)

    found = diagnose(two_scenes)

    assert found.cause is Cause.NO_VERIFIED_GEOMETRY
    assert "1 pair matched, at most 40" in found.detail


def test_too_few_links(two_scenes):
    link(two_scenes, 17, is_verified=True)

    found = diagnose(two_scenes)

    assert found.cause is Cause.FEW_LINKS
    assert found.evidence["verified_pairs"] == 1
    assert found.evidence["most_inliers"] == 17
    assert 0 < found.evidence["common_points"] <= 17
    assert "17 inliers" in found.detail
