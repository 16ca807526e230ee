"""Scenes of known truth come back whole, exact, split where they fall apart, and the same each time."""

from __future__ import annotations

import itertools

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.errors import Cause, ReconError
from recon.core.events import ImageRegistered, ModelDone, Noted, ignore
from recon.engine.mapper import IncrementalMapper
from recon.engine.skeleton import SkeletonOptions

WAYS = pytest.mark.parametrize(
    "skeleton",
    [SkeletonOptions(), SkeletonOptions(keypoints_per_image=80), None],
    ids=["skeleton", "small skeleton", "all matches"],
)
TOO_SMALL = SkeletonOptions(keypoints_per_image=1, matches_per_pair=1, grid=1)
"""A skeleton on which no model can begin."""


def names_of(model):
    return {model.image(image_id).name for image_id in model.reg_image_ids()}


def messages_of(events):
    return [event.message for event in events if isinstance(event, Noted)]


@WAYS
def test_every_image_every_point_and_every_pose_is_found(synthesize, pose_errors_deg, skeleton):
    path, truth = synthesize(images=12, points=300)

    (model,) = IncrementalMapper(skeleton).map(path, MappingOptions(), ignore)

    assert names_of(model) == names_of(truth)
    assert model.num_points3D() == truth.num_points3D()
    assert model.compute_num_observations() == truth.compute_num_observations()
    assert model.compute_mean_reprojection_error() < 1e-3
    assert pose_errors_deg(model, truth).max() < 1e-3
    assert np.allclose(model.camera(1).params, truth.camera(1).params, rtol=1e-5)


@WAYS
def test_noise_in_the_keypoints_moves_the_poses_little(synthesize, pose_errors_deg, skeleton):
    """Half a pixel at a focal length of 1280 px is 0.02 deg; hundreds of points average it out."""
    path, truth = synthesize(images=12, points=300, noise_px=0.5)

    (model,) = IncrementalMapper(skeleton).map(path, MappingOptions(), ignore)

    assert names_of(model) == names_of(truth)
    assert model.compute_num_observations() > 0.99 * truth.compute_num_observations()
    assert 0.3 < model.compute_mean_reprojection_error() < 0.7
    assert pose_errors_deg(model, truth).max() < 0.1


@WAYS
def test_two_scenes_give_two_models_the_larger_first(synthesize, pose_errors_deg, skeleton):
    path, smaller = synthesize(images=6)
    _, larger = synthesize(images=9, seed=1, into=path)
    events = []

    models = IncrementalMapper(skeleton).map(path, MappingOptions(), events.append)

    assert [names_of(model) for model in models] == [names_of(larger), names_of(smaller)]
    assert pose_errors_deg(models[0], larger).max() < 1e-3
    assert pose_errors_deg(models[1], smaller).max() < 1e-3
    assert sorted(event.images for event in events if isinstance(event, ModelDone)) == [6, 9]


def test_no_more_models_than_asked_for(synthesize):
    path, _ = synthesize(images=6)
    synthesize(images=6, seed=1, into=path)

    assert len(IncrementalMapper(max_models=1).map(path, MappingOptions(), ignore)) == 1


@WAYS
def test_fixed_cameras_keep_their_intrinsics_to_the_bit_and_others_are_refined(synthesize, skeleton):
    path, truth = synthesize(images=12, cameras=2)
    with pycolmap.Database.open(path) as database:
        for camera in database.read_all_cameras():
            camera.focal_length *= 1.01
            database.update_camera(camera)
        given = database.read_camera(1).params

    (model,) = IncrementalMapper(skeleton).map(path, MappingOptions(fixed_camera_ids=frozenset({1})), ignore)

    assert np.array_equal(model.camera(1).params, given)
    assert not np.array_equal(model.camera(2).params, truth.camera(2).params * [1.01, 1, 1, 1])


@WAYS
def test_one_thread_and_one_seed_give_the_same_bytes(synthesize, tmp_path, skeleton):
    path, _ = synthesize(images=8, noise_px=0.5)
    for attempt in ("first", "again"):
        (model,) = IncrementalMapper(skeleton).map(path, MappingOptions(threads=1, seed=3), ignore)
        (tmp_path / attempt).mkdir()
        model.write_binary(tmp_path / attempt)

    files = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert "images.bin" in files
    assert all((tmp_path / "first" / f).read_bytes() == (tmp_path / "again" / f).read_bytes() for f in files)


@WAYS
@pytest.mark.parametrize("number", [0, 5])
def test_a_stop_returns_the_model_so_far(synthesize, skeleton, number):
    path, _ = synthesize(images=10)
    events = []
    options = MappingOptions(should_stop=lambda: len(events) >= number)

    models = IncrementalMapper(skeleton).map(path, options, events.append)

    assert [model.num_reg_images() for model in models] == ([number] if number else [])
    assert all(model.num_points3D() > 100 for model in models)


def test_two_images_give_a_model_of_two_where_that_is_enough(synthesize, pose_errors_deg):
    path, truth = synthesize(images=2, points=300)
    fixed = frozenset({1})  # two images of synthetic points leave the lens open

    (model,) = IncrementalMapper().map(path, MappingOptions(min_model_size=2, fixed_camera_ids=fixed), ignore)

    assert model.num_reg_images() == 2
    assert pose_errors_deg(model, truth).max() < 0.01
    assert IncrementalMapper().map(path, MappingOptions(min_model_size=3), ignore) == []


@WAYS
def test_without_verified_pairs_there_is_no_model(tmp_path, skeleton):
    path = tmp_path / "empty.db"
    pycolmap.Database.open(path).close()

    assert IncrementalMapper(skeleton).map(path, MappingOptions(), ignore) == []


def test_a_damaged_database_is_named(tmp_path):
    path = tmp_path / "database.db"
    path.write_text("no database")

    with pytest.raises(ReconError) as caught:
        IncrementalMapper().map(path, MappingOptions(), ignore)

    assert caught.value.code is Cause.CORRUPT_FILE


@WAYS
def test_events_count_up_in_order_and_end_with_the_model(synthesize, skeleton):
    path, _ = synthesize(images=10)
    events = []

    (model,) = IncrementalMapper(skeleton).map(path, MappingOptions(), events.append)

    registered = [event for event in events if isinstance(event, ImageRegistered)]
    attempts = [event.registered for event in registered].count(1)
    assert [event.registered for event in registered] == list(range(1, 11)) * attempts
    assert {event.name for event in registered} == names_of(model)
    assert all(before.time <= after.time for before, after in itertools.pairwise(events))
    (done,) = (event for event in events if isinstance(event, ModelDone))
    assert (done.images, done.points3D) == (10, model.num_points3D())
    assert done.mean_reprojection_error_px == pytest.approx(model.compute_mean_reprojection_error())


def test_the_strict_step_needs_no_note_and_a_relaxed_one_is_named(synthesize):
    enough, _ = synthesize(images=8, points=300)
    few, _ = synthesize(images=8, points=80)
    strict, relaxed = [], []

    IncrementalMapper().map(enough, MappingOptions(), strict.append)
    IncrementalMapper().map(few, MappingOptions(), relaxed.append)

    assert messages_of(strict) == []
    assert messages_of(relaxed)[-1] == "a model of 8 photos began at step 'half the inliers'"


def test_a_photo_that_stays_out_does_not_make_a_strict_model_a_relaxed_one(synthesize):
    """The end of a model asks less of the photos that are left; its beginning was strict all the same."""
    path, truth = synthesize(images=8, points=300)
    with pycolmap.Database.open(path) as database:
        for image_id in range(1, 8):
            geometry = database.read_two_view_geometry(image_id, 8)
            geometry.inlier_matches = geometry.inlier_matches[: 16 if image_id == 1 else 0]
            database.update_two_view_geometry(image_id, 8, geometry)
    events = []

    (model,) = IncrementalMapper().map(path, MappingOptions(), events.append)

    assert names_of(model) == names_of(truth) - {truth.image(8).name}
    assert not any("step" in message for message in messages_of(events))


def test_where_the_skeleton_fails_all_matches_are_used_and_it_says_so(synthesize, pose_errors_deg):
    path, truth = synthesize(images=8)
    events = []

    (model,) = IncrementalMapper(TOO_SMALL).map(path, MappingOptions(), events.append)

    assert names_of(model) == names_of(truth)
    assert pose_errors_deg(model, truth).max() < 1e-3
    assert any("growing on all matches" in message for message in messages_of(events))
