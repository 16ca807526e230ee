"""A finished model gains photos by further matches, or stays as it was."""

from __future__ import annotations

import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.data import Matches
from recon.core.events import ignore
from recon.engine.continuation import continue_model
from recon.engine.database import replace_geometries
from recon.engine.mapper import IncrementalMapper
from recon.engine.two_view import VerifiedGeometry


@pytest.fixture
def lacking(synthesize):
    """Return a database of eight images without pairs of the eighth, what verified of those, and the truth."""
    path, truth = synthesize(images=8, points=300)
    names = {image.image_id: image.name for image in truth.images.values()}
    removed = {}
    with pycolmap.Database.open(path) as database:
        for image_id in range(1, 8):
            geometry = VerifiedGeometry.from_pycolmap(database.read_two_view_geometry(image_id, 8))
            removed[names[image_id], names[8]] = (Matches(geometry.inliers), geometry)
            database.delete_two_view_geometry(image_id, 8)
            database.delete_matches(image_id, 8)
    return path, removed, truth


@pytest.fixture
def model(lacking):
    (model,) = IncrementalMapper().map(lacking[0], MappingOptions(), ignore)
    assert model.num_reg_images() == 7
    return model


def test_a_photo_whose_pairs_verify_now_joins_and_the_model_stays(lacking, model, pose_errors_deg):
    path, removed, truth = lacking
    assert replace_geometries(path, removed) == 7

    grown = continue_model(model, path, MappingOptions(), ignore)

    assert grown.num_reg_images() == 8
    assert pose_errors_deg(grown, truth).max() < 0.05
    assert model.num_reg_images() == 7


def test_without_further_matches_there_is_nothing_to_gain(lacking, model):
    assert continue_model(model, lacking[0], MappingOptions(), ignore) is None


def test_a_photo_that_few_matches_carry_stays_out(lacking, model):
    path, removed, _ = lacking
    few = {}
    for names, (_, geometry) in removed.items():
        rows = geometry.inliers[:20]
        few[names] = (Matches(rows), VerifiedGeometry(geometry.config, geometry.matrices, rows))
    replace_geometries(path, dict(list(few.items())[:1]))

    assert continue_model(model, path, MappingOptions(), ignore) is None


def test_only_pairs_that_gain_inliers_are_replaced(lacking):
    path, removed, _ = lacking
    replace_geometries(path, removed)
    names, (matches, geometry) = next(iter(removed.items()))
    fewer = VerifiedGeometry(geometry.config, geometry.matrices, geometry.inliers[:-1])

    assert replace_geometries(path, {names: (matches, geometry)}) == 0
    assert replace_geometries(path, {names: (matches, fewer)}) == 0
    with pycolmap.Database.open(path) as database:
        ids = [image.image_id for name in names for image in database.read_all_images() if image.name == name]
        assert len(database.read_two_view_geometry(*ids).inlier_matches) == len(geometry.inliers)
