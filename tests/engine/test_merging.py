"""Parts of one model are joined where matches say so, and only as long as nothing is lost by it."""

from __future__ import annotations

import copy

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.events import Noted, ignore
from recon.engine.growth import GrownModel, Growth
from recon.engine.ladder import LADDER
from recon.engine.merging import MergeOptions, lay_over, linked_points, merge_models
from recon.engine.refinement import FinalEffort, GrowthEffort

MOVED = pycolmap.Sim3d(2.5, pycolmap.Rotation3d(np.array([0.3, -0.2, 0.5])), np.array([4.0, -1.0, 2.0]))


@pytest.fixture
def scene(synthesize):
    """Return the cache of twelve images, and the truth."""
    path, truth = synthesize(images=12, points=300, noise_px=0.3)
    with pycolmap.Database.open(path) as database:
        return pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions()), truth


def completing(cache):
    def complete(poses, like):
        growth = Growth(cache, MappingOptions(), GrowthEffort(), ignore)
        model = growth.complete(poses, like.step, FinalEffort())
        growth.accept()
        return model

    return complete


def part(truth, image_ids, moved=False):
    """Return the model of some of the images, in another frame and scale where `moved`."""
    model = copy.deepcopy(truth)
    for image_id in set(truth.reg_image_ids()) - set(image_ids):
        model.deregister_frame(model.image(image_id).frame_id)
    if moved:
        model.transform(MOVED)
    return GrownModel(model, LADDER[0])


def merge(cache, *models):
    events = []
    merged = merge_models(models, cache, completing(cache), events.append)
    return merged, [event.message for event in events if isinstance(event, Noted)]


@pytest.mark.parametrize("second", [range(7, 13), range(5, 13)], ids=["apart", "with two images in common"])
def test_two_halves_become_one(scene, pose_errors_deg, second):
    cache, truth = scene
    (merged,), said = merge(cache, part(truth, range(1, 7)), part(truth, second, moved=True))

    assert set(merged.model.reg_image_ids()) == set(range(1, 13))
    assert pose_errors_deg(merged.model, truth).max() < 0.2
    assert len(said) == 1
    assert "12 photos in one" in said[0]


def test_three_parts_become_one(scene):
    cache, truth = scene
    parts = part(truth, range(1, 5)), part(truth, range(5, 9), moved=True), part(truth, range(9, 13))

    assert len(merge(cache, *parts)[0]) == 1


def test_models_of_different_places_stay(synthesize):
    path, first = synthesize(images=6, points=200)
    _, second = synthesize(images=5, points=200, seed=1, into=path)
    with pycolmap.Database.open(path) as database:
        cache = pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions())
    models = [GrownModel(first, LADDER[0]), GrownModel(second, LADDER[0])]

    merged, said = merge(cache, *models)

    assert merged == models
    assert said == []


def test_models_of_look_alike_places_stay(scene):
    """Matches link their points, but no similarity lays them onto each other."""
    cache, truth = scene
    first, second = part(truth, range(1, 7)), part(truth, range(7, 13))
    rng = np.random.default_rng(0)
    places = [point.xyz for point in second.model.points3D.values()]
    for point_id, place in zip(second.model.point3D_ids(), rng.permutation(places), strict=True):
        second.model.point3D(point_id).xyz = place

    links = linked_points(first.model, second.model, cache.correspondence_graph)

    assert len(links) > 100
    assert lay_over(first.model, second.model, links, MergeOptions()) is None
    assert len(merge(cache, first, second)[0]) == 2


def test_a_similarity_is_found_although_a_third_of_the_links_is_wrong(scene):
    cache, truth = scene
    first, second = part(truth, range(1, 7)).model, part(truth, range(7, 13), moved=True).model
    links = linked_points(first, second, cache.correspondence_graph)
    wrong = len(links) // 3
    shuffled = [(links[k][0], links[(k + 1) % wrong][1]) for k in range(wrong)] + links[wrong:]

    found = lay_over(first, second, shuffled, MergeOptions())

    assert found is not None
    assert found.scale == pytest.approx(1 / MOVED.scale, rel=0.01)


@pytest.mark.parametrize("worse", ["lost a photo", "less exact", "lost observations"])
def test_what_makes_the_merged_model_worse_keeps_both(scene, worse):
    cache, truth = scene
    models = part(truth, range(1, 7)), part(truth, range(7, 13), moved=True)

    def complete(poses, like):
        model = completing(cache)(poses, like).model
        if worse == "lost a photo":
            model.deregister_frame(model.image(12).frame_id)
        for number, point_id in enumerate(sorted(model.point3D_ids())):
            if worse == "less exact":
                model.point3D(point_id).xyz += 0.01
            elif worse == "lost observations" and number % 3 == 0:
                model.delete_point3D(point_id)
        return GrownModel(model, like.step)

    assert merge_models(models, cache, complete, ignore) == list(models)


def test_too_few_links_are_no_evidence(scene):
    cache, truth = scene
    first, second = part(truth, range(1, 7)).model, part(truth, range(7, 13)).model
    links = linked_points(first, second, cache.correspondence_graph)

    assert lay_over(first, second, links[:19], MergeOptions()) is None
