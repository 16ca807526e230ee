"""A model on refined keypoints is nearer to the truth, and one that refining would spoil is left alone."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.errors import Cause, ReconError
from recon.engine.track_refinement import refine_tracks

OPTIONS = MappingOptions(threads=1, fixed_camera_ids=frozenset({1}))


class Refiner:
    """Answers with keypoints that were laid down before, and keeps what it was asked."""

    def __init__(self, answer):
        self.answer = answer

    def refine(self, keypoints, tracks, cameras, poses, load_image):
        self.asked = keypoints, tracks, cameras, poses, load_image
        return self.answer(keypoints) if callable(self.answer) else self.answer


def no_photo(name):
    raise AssertionError(f"{name} was loaded")


def keypoints_of(model):
    return {image.name: np.array([p.xy for p in image.points2D]) for image in model.images.values()}


@pytest.fixture
def scene(synthesize):
    """Return the truth, and the model that keypoints with a pixel of noise give."""
    _, truth = synthesize(images=6, points=150)
    model = pycolmap.Reconstruction(truth)
    noise = pycolmap.SyntheticNoiseOptions(
        point2D_stddev=1.0, point3D_stddev=0.01, rig_from_world_translation_stddev=0.005
    )
    pycolmap.synthesize_noise(noise, model)
    return truth, refine_tracks(model, Refiner(lambda keypoints: nudged(keypoints)), no_photo, OPTIONS).model


def nudged(keypoints):
    return {name: xy + 1e-6 for name, xy in keypoints.items()}


def test_exact_keypoints_bring_the_poses_to_the_truth(scene, pose_errors_deg):
    truth, model = scene
    done = refine_tracks(model, Refiner(keypoints_of(truth)), no_photo, OPTIONS)

    assert done.is_refined
    assert done.mean_error_before_px > 0.5 > 0.02 > done.mean_error_px
    assert pose_errors_deg(model, truth).max() > 0.01 > 0.001 > pose_errors_deg(done.model, truth).max()
    assert done.num_observations >= 0.95 * done.num_observations_before
    assert done.model.compute_mean_reprojection_error() == pytest.approx(done.mean_error_px)
    assert 0.5 < done.median_move_px < 2
    assert f"{done.num_moved} keypoints" in done.describe()


def test_a_few_wrong_keypoints_hardly_pull(scene, pose_errors_deg):
    """Some always move to the wrong place; they must not set the poses."""
    truth, model = scene
    random = np.random.default_rng(0)
    answer = {
        name: xy + np.where(random.uniform(size=(len(xy), 1)) < 0.1, random.normal(0, 1.5, xy.shape), 0)
        for name, xy in keypoints_of(truth).items()
    }
    done = refine_tracks(model, Refiner(answer), no_photo, OPTIONS)

    assert pose_errors_deg(done.model, truth).max() < 0.005


def test_the_refiner_is_told_the_model(scene):
    _, model = scene
    refiner = Refiner(nudged)
    refine_tracks(model, refiner, no_photo, OPTIONS)
    keypoints, tracks, cameras, poses, load_image = refiner.asked

    names = {image.name for image in model.images.values()}
    assert set(keypoints) == set(cameras) == set(poses) == names
    assert sum(map(len, tracks)) == model.compute_num_observations()
    (name, row), *_ = tracks[0]
    image = model.find_image_with_name(name)
    assert np.array_equal(keypoints[name][row], image.points2D[row].xy)
    assert np.array_equal(poses[name].matrix(), image.cam_from_world().matrix())
    assert load_image is no_photo


def test_the_given_model_is_not_changed(scene):
    truth, model = scene
    before = keypoints_of(model)
    done = refine_tracks(model, Refiner(keypoints_of(truth)), no_photo, OPTIONS)

    assert done.model is not model
    assert all(np.array_equal(xy, before[name]) for name, xy in keypoints_of(model).items())


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda keypoints: keypoints, id="nothing moved"),
        pytest.param(lambda keypoints: {n: xy + np.random.default_rng(0).normal(0, 3, xy.shape)
                                        for n, xy in keypoints.items()}, id="worse"),
        pytest.param(lambda keypoints: {n: np.where(np.arange(len(xy))[:, None] % 4, xy, 5.0)
                                        for n, xy in keypoints.items()}, id="a quarter lost"),
    ],
)  # fmt: skip
def test_what_does_not_improve_is_not_taken(scene, spoil):
    _, model = scene
    done = refine_tracks(model, Refiner(spoil), no_photo, OPTIONS)

    assert not done.is_refined
    assert done.num_observations == done.num_observations_before == done.model.compute_num_observations()
    assert "stays as it was" in done.describe()
    assert all(np.array_equal(xy, keypoints_of(model)[name]) for name, xy in keypoints_of(done.model).items())


def test_fixed_intrinsics_stay_and_free_ones_are_adjusted(scene):
    truth, model = scene
    exact = model.camera(1).params.copy()
    model.camera(1).focal_length *= 1.002
    given = model.camera(1).params.copy()
    fixed = refine_tracks(model, Refiner(keypoints_of(truth)), no_photo, OPTIONS)
    free = refine_tracks(model, Refiner(keypoints_of(truth)), no_photo, MappingOptions(threads=1))

    assert np.array_equal(fixed.model.camera(1).params, given)
    assert free.model.camera(1).params[0] == pytest.approx(exact[0], rel=2e-4)


def test_one_thread_gives_one_result(scene):
    truth, model = scene
    first, again = (refine_tracks(model, Refiner(keypoints_of(truth)), no_photo, OPTIONS).model for _ in range(2))

    for image_id in first.reg_image_ids():
        poses = [each.image(image_id).cam_from_world().matrix() for each in (first, again)]
        assert np.array_equal(*poses)


def test_a_model_without_points_stays(scene):
    _, model = scene
    for point_id in list(model.point3D_ids()):
        model.delete_point3D(point_id)

    assert not refine_tracks(model, Refiner(nudged), no_photo, OPTIONS).is_refined


@pytest.mark.parametrize(
    "wrong",
    [
        lambda keypoints: {},
        lambda keypoints: {name: xy[1:] for name, xy in keypoints.items()},
        lambda keypoints: {name: xy * np.nan for name, xy in keypoints.items()},
        lambda keypoints: {name: xy.astype(int) for name, xy in keypoints.items()},
    ],
    ids=["missing", "rows lost", "not finite", "whole numbers"],
)
def test_an_answer_that_is_none_names_the_image(scene, wrong):
    _, model = scene

    with pytest.raises(ReconError) as caught:
        refine_tracks(model, Refiner(wrong), no_photo, OPTIONS)

    assert caught.value.code is Cause.BROKEN_PLUGIN
    assert "image" in caught.value.file or caught.value.file in keypoints_of(model)
