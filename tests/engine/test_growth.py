"""A model grows image by image under the demands of a step, and every image is announced."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.events import ignore
from recon.engine.growth import Growth
from recon.engine.ladder import LADDER
from recon.engine.refinement import FinalEffort, GrowthEffort

IMPOSSIBLE = replace(LADDER[0], name="impossible", min_num_inliers=10_000)


@pytest.fixture
def scene(synthesize):
    """Return the cache of ten images, and the truth."""
    path, truth = synthesize(images=10)
    with pycolmap.Database.open(path) as database:
        return pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions()), truth


def growth_on(cache, observer=ignore, keep=None, **options):
    return Growth(cache, MappingOptions(**options), GrowthEffort(), observer, keep)


def stop_after(events, number):
    return lambda: len(events) >= number


def test_a_model_grows_to_all_images(scene, pose_errors_deg):
    cache, truth = scene
    growth = growth_on(cache)
    grown = growth.grow(LADDER[0])
    growth.accept()

    assert grown.step is LADDER[0]
    assert grown.model.num_reg_images() == growth.num_registered == 10
    assert pose_errors_deg(grown.model, truth).max() < 0.05


def test_no_pair_meets_impossible_demands(scene):
    assert growth_on(scene[0]).grow(IMPOSSIBLE) is None


def test_a_relaxed_step_may_take_the_pairs_that_failed(scene):
    growth = growth_on(scene[0])
    assert growth.grow(IMPOSSIBLE) is None

    growth.allow_other_pairs()

    assert growth.grow(LADDER[0]).model.num_reg_images() == 10


def test_every_image_is_announced_once_as_the_model_grows(scene):
    events = []
    model = growth_on(scene[0], events.append).grow(LADDER[0]).model

    assert sorted(event.name for event in events) == sorted(image.name for image in model.images.values())
    assert [event.registered for event in events] == list(range(1, 11))
    assert all(event.points3D > 0 for event in events)


def test_each_model_on_the_way_may_be_kept(scene):
    kept = []
    growth_on(scene[0], keep=lambda model, step: kept.append((model.num_reg_images(), step))).grow(LADDER[0])

    assert kept == [(number, LADDER[0]) for number in range(3, 11)]


@pytest.mark.parametrize("number", [2, 5])
def test_a_stop_leaves_the_model_so_far(scene, number):
    events = []
    model = growth_on(scene[0], events.append, should_stop=stop_after(events, number)).grow(LADDER[0]).model

    assert model.num_reg_images() == number


def test_a_stop_before_the_first_pair_leaves_nothing(scene):
    assert growth_on(scene[0], should_stop=lambda: True).grow(LADDER[0]) is None


def test_a_model_grows_on_from_where_it_stopped(scene):
    events = []
    partial = growth_on(scene[0], events.append, should_stop=stop_after(events, 5)).grow(LADDER[0]).model
    later = []
    grown = growth_on(scene[0], later.append).grow(LADDER[0], start=partial)

    assert grown.model.num_reg_images() == 10
    assert [event.registered for event in later] == [6, 7, 8, 9, 10]


def test_images_of_a_discarded_model_may_begin_another(scene):
    growth = growth_on(scene[0])
    growth.grow(LADDER[0])
    growth.discard()
    assert growth.num_registered == 0

    growth.allow_other_pairs()

    assert growth.grow(LADDER[0]).model.num_reg_images() == 10


def test_images_of_an_accepted_model_begin_no_other(scene):
    growth = growth_on(scene[0])
    growth.grow(LADDER[0])
    growth.accept()

    assert growth.grow(LADDER[0]) is None


def test_completion_registers_the_rest_and_brings_every_observation(scene, pose_errors_deg):
    cache, truth = scene
    events = []
    partial = growth_on(cache, events.append, should_stop=stop_after(events, 5)).grow(LADDER[0]).model
    completed = growth_on(cache).complete(partial, LADDER[0], FinalEffort())

    assert completed.step.name == LADDER[0].name
    assert completed.model.num_reg_images() == 10
    assert completed.model.compute_num_observations() == truth.compute_num_observations()
    assert pose_errors_deg(completed.model, truth).max() < 1e-3


def test_completion_begins_with_the_intrinsics_that_growth_found(synthesize):
    """The database has the focal length 5 % wrong; points are triangulated with the one that was found."""
    path, _ = synthesize(images=8)
    with pycolmap.Database.open(path) as database:
        camera = database.read_camera(1)
        camera.focal_length *= 1.05
        database.update_camera(camera)
        cache = pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions())
    grown = growth_on(cache).grow(LADDER[0])
    completed = growth_on(cache).complete(grown.model, grown.step, FinalEffort(max_rounds=0))

    assert (completed.model.camera(1).params == grown.model.camera(1).params).all()
    assert completed.model.camera(1).focal_length < 1.01 * 1280


def test_completion_leaves_the_model_it_was_given_as_it_was(scene):
    events = []
    partial = growth_on(scene[0], events.append, should_stop=stop_after(events, 5)).grow(LADDER[0]).model
    before = {image_id: partial.image(image_id).cam_from_world().matrix() for image_id in partial.reg_image_ids()}
    growth_on(scene[0]).complete(partial, LADDER[0], FinalEffort())

    assert partial.num_reg_images() == 5
    assert all((partial.image(i).cam_from_world().matrix() == pose).all() for i, pose in before.items())


def test_completion_keeps_the_fixed_camera(scene):
    cache, _ = scene
    fixed = frozenset({1})
    events = []
    stop = stop_after(events, 5)
    partial = growth_on(cache, events.append, should_stop=stop, fixed_camera_ids=fixed).grow(LADDER[0]).model
    completed = growth_on(cache, fixed_camera_ids=fixed).complete(partial, LADDER[0], FinalEffort())

    cameras = (cache.camera(1), partial.camera(1), completed.model.camera(1))
    assert all((a.params == b.params).all() for a, b in itertools.pairwise(cameras))


def test_an_image_with_too_few_matches_stays_out_and_the_rest_is_complete(synthesize):
    path, truth = synthesize(images=8)
    last = max(truth.reg_image_ids())
    with pycolmap.Database.open(path) as database:
        for image_id in truth.reg_image_ids():
            if image_id == last:
                continue
            geometry = database.read_two_view_geometry(image_id, last)
            geometry.inlier_matches = geometry.inlier_matches[: 16 if image_id == 1 else 0]
            database.update_two_view_geometry(image_id, last, geometry)
        cache = pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions())
    grown = growth_on(cache).grow(LADDER[0])
    completed = growth_on(cache).complete(grown.model, grown.step, FinalEffort())

    assert set(completed.model.reg_image_ids()) == set(truth.reg_image_ids()) - {last}
    assert completed.step.name == LADDER[0].name
