"""Patches are found where they are, whatever the exposure; what shows nothing, or something else, stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from recon_plugins.photometric import PhotometricOptions, recon_refiners

import recon
import recon.testing
from recon.engine.models import read_model
from recon.engine.track_refinement import refine_tracks
from recon.evaluation import read_truth
from recon.evaluation.poses import Pose, pair_errors
from recon.testing.refiners import plane_scene

(SPEC,) = recon_refiners()
SCENE = plane_scene()
Keypoints = Mapping[str, np.ndarray]


class TestPhotometric(recon.testing.RefinerContract):
    """The contract of every refiner."""

    spec = SPEC


def refine(
    keypoints: Keypoints, photos: Callable[[str], np.ndarray] = SCENE.photos.__getitem__, threads: int = 1, **options
) -> Keypoints:
    """Return the keypoints of the plane's photos after refinement."""
    refiner = SPEC.create(PhotometricOptions(**options), recon.RunContext(threads=threads))
    return refiner.refine(keypoints, SCENE.tracks, SCENE.cameras, SCENE.poses, photos)


def evaluate_registered(model, truth) -> np.ndarray:
    """Return the pose error of each pair of registered photos, degrees."""
    poses = {}
    for image_id in model.reg_image_ids():
        pose = model.image(image_id).cam_from_world()
        poses[model.image(image_id).name] = Pose(pose.rotation.matrix(), pose.translation)
    return pair_errors({name: truth.poses[name] for name in poses}, poses)


def moved(given: Keypoints, refined: Keypoints) -> float:
    """Return the share of the keypoints in tracks that moved."""
    count = len(SCENE.tracks)
    return float(np.mean([(refined[name][:count] != xy[:count]).any(axis=1) for name, xy in given.items()]))


@pytest.mark.parametrize("noise_px", [0.3, 1.0])
def test_noise_is_taken_out_to_a_few_hundredths_of_a_pixel(noise_px):
    given = SCENE.perturbed(noise_px)

    assert SCENE.disagreement_px(given) > noise_px / 2
    assert SCENE.disagreement_px(refine(given)) < 0.05


def test_whole_pixels_are_enough_to_begin_with():
    """What XFeat as published gives."""
    given = {name: np.floor(xy) + 0.5 for name, xy in SCENE.keypoints.items()}

    assert SCENE.disagreement_px(refine(given)) < 0.05


def test_every_track_keeps_its_reference_where_it_is():
    """One of four photos shows the place; the others come to it."""
    given = SCENE.perturbed(1.0)

    assert 0.6 <= moved(given, refine(given)) <= 0.75


def test_gain_and_offset_of_the_exposure_do_not_count():
    given = SCENE.perturbed(0.5)
    darker = {
        name: (40 + photo * (0.5 + 0.1 * k)).astype(np.uint8) for k, (name, photo) in enumerate(SCENE.photos.items())
    }

    assert SCENE.disagreement_px(refine(given, darker.__getitem__)) < 0.06


def test_blank_photos_move_nothing():
    given = SCENE.perturbed(0.5)
    blank = {name: np.full_like(photo, 90) for name, photo in SCENE.photos.items()}

    assert moved(given, refine(given, blank.__getitem__)) == 0


def test_photos_of_something_else_move_next_to_nothing():
    """Chance likeness of small patches is rare above the least correlation."""
    given = SCENE.perturbed(0.5)
    others = {
        name: recon.testing.textured_image(*photo.shape[1::-1], seed=k).pixels
        for k, (name, photo) in enumerate(SCENE.photos.items())
    }

    assert moved(given, refine(given, others.__getitem__)) < 0.05


def test_along_an_edge_a_keypoint_keeps_its_place():
    """Only across can a stripe say where it is; a walk along it would be the noise's."""
    name = sorted(SCENE.photos)[0]
    straight = dict.fromkeys(SCENE.poses, SCENE.poses[name])
    ramp = np.clip(128 + 100 * np.tanh((np.arange(320) - 160.0) / 3), 0, 255).astype(np.uint8)
    photo = np.repeat(np.tile(ramp, (240, 1))[:, :, None], 3, axis=2)
    given = {other: np.array([[160.5 + 0.8 * k, 120.0 + 0.5 * k]]) for k, other in enumerate(sorted(SCENE.photos))}
    refiner = SPEC.create(PhotometricOptions(), recon.RunContext())
    refined = refiner.refine(given, [[(other, 0) for other in given]], SCENE.cameras, straight, lambda _: photo)
    across, along = np.array([refined[other][0] - xy[0] for other, xy in given.items()]).T

    assert np.ptp([refined[other][0, 0] for other in given]) < 0.2 < np.abs(across).max()
    assert np.abs(along).max() < 0.2


def test_a_patch_that_is_found_too_far_away_is_another():
    given = SCENE.perturbed(1.0)

    assert moved(given, refine(given, max_move_px=0.1)) < 0.1


def test_threads_change_nothing():
    given = SCENE.perturbed(0.7)
    alone, together = refine(given), refine(given, threads=3)

    assert all(np.array_equal(alone[name], xy) for name, xy in together.items())


def test_large_photos_are_looked_at_at_a_smaller_size():
    """Positions stay those of the full-size photo; halved twice, patches still agree to a tenth of a pixel of it."""
    given = SCENE.perturbed(1.0)

    assert SCENE.disagreement_px(refine(given, max_size=160)) < 0.1


def test_an_image_that_is_in_no_track_is_not_loaded():
    given = dict(SCENE.perturbed(0.5))
    given["aside.png"] = np.array([[3.0, 4.0]])

    assert np.array_equal(refine(given)["aside.png"], [[3.0, 4.0]])


def test_images_without_a_pose_are_left_alone():
    given = SCENE.perturbed(0.5)
    lost = sorted(given)[0]
    poses = {name: pose for name, pose in SCENE.poses.items() if name != lost}
    refiner = SPEC.create(PhotometricOptions(), recon.RunContext())
    refined = refiner.refine(given, SCENE.tracks, SCENE.cameras, poses, SCENE.photos.__getitem__)

    assert np.array_equal(refined[lost], given[lost])
    assert moved(given, refined) > 0.4


def test_a_model_of_photos_comes_nearer_to_the_truth(finished_run, six_photos, sample_photos):
    """Features were found at 400 px, in photos of 1024."""
    import cv2

    model = read_model(finished_run)
    options = recon.MappingOptions(fixed_camera_ids=frozenset())
    refiner = SPEC.create(PhotometricOptions(), recon.RunContext())
    done = refine_tracks(model, refiner, lambda name: cv2.imread(str(six_photos / name))[:, :, ::-1], options)
    truth = read_truth(sample_photos.parent / "gt.json")
    errors_deg = [np.median(evaluate_registered(each, truth)) for each in (model, done.model)]

    assert done.is_refined
    assert done.mean_error_px < 0.7 * done.mean_error_before_px
    assert done.num_observations >= 0.95 * done.num_observations_before
    assert errors_deg[1] < errors_deg[0]


@pytest.mark.parametrize(
    "wrong",
    [{"max_size": 10}, {"radius": 1}, {"radius": 21}, {"max_move_px": 0}, {"min_correlation": 1.0},
     {"shape_stiffness": 0}, {"place_stiffness": -1}],
)  # fmt: skip
def test_options_out_of_range_are_named(wrong):
    (name,) = wrong

    with pytest.raises(ValueError, match=name):
        replace(PhotometricOptions(), **wrong)
