"""A photo whose matches meet at no point of the model is placed by the matches alone, if two photos share them."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.events import ignore
from recon.engine.growth import Growth
from recon.engine.ladder import LADDER
from recon.engine.matches_alone import INLIERS_PER_LINK
from recon.engine.refinement import GrowthEffort

TWO_VIEW_TRACKS = next(step for step in LADDER if step.two_view_tracks)
ENOUGH = 4 * INLIERS_PER_LINK


@pytest.fixture
def disjoint(synthesize):
    """Return a function that gives three images of which no keypoint is matched to more than one other.

    `counts` are the matches of images 1-2, 1-3 and 2-3.
    """

    def make(*counts: int) -> tuple[pycolmap.DatabaseCache, pycolmap.Reconstruction]:
        path, truth = synthesize(images=3, points=300)
        with pycolmap.Database.open(path) as database:
            for number, ((image_id1, image_id2), count) in enumerate(
                zip(combinations(sorted(truth.reg_image_ids()), 2), counts, strict=True)
            ):
                geometry = database.read_two_view_geometry(image_id1, image_id2)
                points = [truth.image(image_id1).points2D[row].point3D_id for row in geometry.inlier_matches[:, 0]]
                own = geometry.inlier_matches[np.array(points) % 3 == number]
                geometry.inlier_matches = own[:count]
                database.update_two_view_geometry(image_id1, image_id2, geometry)
            options = pycolmap.DatabaseCacheOptions()
            options.min_num_matches = INLIERS_PER_LINK
            return pycolmap.DatabaseCache.create(database, options), truth

    return make


def grow(cache, step, **options):
    return Growth(cache, MappingOptions(**options), GrowthEffort(), ignore).grow(step).model


def test_no_keypoint_is_matched_twice(disjoint):
    """What the other tests rest on."""
    cache, _ = disjoint(ENOUGH, ENOUGH, ENOUGH)
    ends = Counter()
    for pair in combinations(sorted(cache.images), 2):
        matches = cache.correspondence_graph.extract_matches_between_images(*pair)
        ends.update((image_id, int(row)) for k, image_id in enumerate(pair) for row in matches[:, k])

    assert len(ends) == 6 * ENOUGH
    assert set(ends.values()) == {1}


def test_matches_to_two_photos_place_a_third(disjoint, pose_errors_deg):
    cache, truth = disjoint(ENOUGH, ENOUGH, ENOUGH)
    model = grow(cache, TWO_VIEW_TRACKS)

    assert model.num_reg_images() == 3
    assert pose_errors_deg(model, truth).max() < 0.1


def test_matches_to_one_photo_do_not(disjoint):
    """How far away it was taken would be anybody's guess."""
    cache, _ = disjoint(2 * ENOUGH, ENOUGH, 0)

    assert grow(cache, TWO_VIEW_TRACKS).num_reg_images() == 2


def test_hardly_any_matches_to_two_photos_are_enough(disjoint, pose_errors_deg):
    cache, truth = disjoint(INLIERS_PER_LINK, INLIERS_PER_LINK, ENOUGH)
    model = grow(cache, TWO_VIEW_TRACKS)

    assert model.num_reg_images() == 3
    assert pose_errors_deg(model, truth).max() < 1
