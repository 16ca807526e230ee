"""`recon evaluate` against programs that others wrote: evo for trajectories, pycolmap's own comparison for models."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.evaluation import Truth, evaluate, truth_of_model


def moved(model: pycolmap.Reconstruction, sigma: float, seed: int = 0) -> pycolmap.Reconstruction:
    """Return a copy in another frame and scale, its cameras moved and turned by chance."""
    copy, rng = model.__copy__(), np.random.default_rng(seed)
    for image_id in sorted(copy.reg_image_ids()):
        image = copy.image(image_id)
        jitter = pycolmap.Rigid3d(pycolmap.Rotation3d(rng.normal(0, sigma, 3)), rng.normal(0, sigma, 3))
        image.frame.rig_from_world = jitter * image.frame.rig_from_world
    copy.transform(pycolmap.Sim3d(3.7, pycolmap.Rotation3d(np.array([0.3, -0.8, 0.5])), np.array([4.0, -2.0, 9.0])))
    return copy


def truth_of(model: pycolmap.Reconstruction, tmp_path) -> Truth:
    return truth_of_model(tmp_path, model)


def evo_path(model: pycolmap.Reconstruction):
    from evo.core.trajectory import PosePath3D

    images = sorted((model.image(i) for i in model.reg_image_ids()), key=lambda image: image.name)
    poses = []
    for image in images:
        pose = np.eye(4)
        pose[:3] = image.cam_from_world().inverse().matrix()
        poses.append(pose)
    return PosePath3D(poses_se3=poses)


@pytest.mark.parametrize("sigma", [0.0, 0.01, 0.2])
@pytest.mark.parametrize("images", [3, 12])
def test_centre_errors_are_evo_s_absolute_trajectory_errors(tmp_path, synthetic_model, sigma, images):
    from evo.core import metrics

    model = synthetic_model(images=images)
    found = moved(model, sigma)
    ours = evaluate(found, truth_of(model, tmp_path))
    true_path, found_path = evo_path(model), evo_path(found)
    found_path.align(true_path, correct_scale=True)
    ape = metrics.APE(metrics.PoseRelation.translation_part)
    ape.process_data((true_path, found_path))
    statistics = ape.get_all_statistics()

    assert ours.center_rmse == pytest.approx(statistics["rmse"], rel=1e-6, abs=1e-9)
    assert ours.center_median == pytest.approx(statistics["median"], rel=1e-6, abs=1e-9)


def test_pair_errors_are_evo_s_relative_rotation_errors(synthetic_model, tmp_path):
    """Of consecutive photos, where the translation's direction is the same: rotations alone are wrong."""
    from evo.core import metrics

    from recon.evaluation.poses import pair_errors

    model = synthetic_model(images=2)
    found = model.__copy__()
    image = found.image(max(found.reg_image_ids()))
    center, turn = image.projection_center(), pycolmap.Rotation3d(np.radians([0.0, 2.0, 0.0]))
    rotation = turn * image.cam_from_world().rotation
    image.frame.rig_from_world = pycolmap.Rigid3d(rotation, -(rotation.matrix() @ center))
    rpe = metrics.RPE(metrics.PoseRelation.rotation_angle_deg, delta=1, delta_unit=metrics.Unit.frames)
    rpe.process_data((evo_path(model), evo_path(found)))

    true, other = truth_of(model, tmp_path).poses, truth_of(found, tmp_path).poses
    ours = pair_errors(true, other)
    assert ours[0] == pytest.approx(2.0, abs=1e-6)
    assert rpe.get_statistic(metrics.StatisticsType.max) == pytest.approx(ours[0], abs=1e-6)


def test_a_model_in_another_frame_is_the_same_to_both(synthetic_model, tmp_path):
    model = synthetic_model(images=8)
    other = moved(model, 0.0)
    theirs = pycolmap.compare_reconstructions(other, model, alignment_error="proj_center")
    ours = evaluate(other, truth_of(model, tmp_path))

    assert theirs is not None
    assert max(each.proj_center_error for each in theirs["errors"]) < 1e-6
    assert max(each.rotation_error_deg for each in theirs["errors"]) < 1e-6
    assert ours.center_rmse < 1e-6
    assert ours.auc_deg["0.5"] > 99.99


def test_centre_errors_are_those_of_pycolmap_s_comparison(synthetic_model, tmp_path):
    """It aligns by RANSAC, we by least squares: nearly the same frame where all photos are nearly right."""
    model = synthetic_model(images=12)
    other = moved(model, 0.003)
    theirs = pycolmap.compare_reconstructions(other, model, alignment_error="proj_center", max_proj_center_error=1.0)
    ours = evaluate(other, truth_of(model, tmp_path))

    assert theirs is not None
    rmse = float(np.sqrt(np.mean([each.proj_center_error**2 for each in theirs["errors"]])))
    assert ours.center_rmse == pytest.approx(rmse, rel=0.3)
    assert ours.center_rmse <= rmse * (1 + 1e-9)  # least squares is the best there is
