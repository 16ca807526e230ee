"""The standard deviations of cameras are those that repeated measurements show."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.engine.model_covariance import camera_uncertainties

SIGMA_PX = 0.7
TRIALS = 40


def scene():
    pycolmap.set_random_seed(1)
    options = pycolmap.SyntheticDatasetOptions(
        num_rigs=1, num_frames_per_rig=5, num_points3D=80, camera_params=[1280.0, 512.0, 384.0, 0.0]
    )
    return pycolmap.synthesize_dataset(options)


def measured(model, rng):
    """Return a copy with noise on its keypoints, adjusted; two cameras hold the frame."""
    copy = model.__copy__()
    for image_id in sorted(copy.reg_image_ids()):
        image = copy.image(image_id)
        for point in image.points2D:
            point.xy = point.xy + rng.normal(0, SIGMA_PX, 2)
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in copy.reg_image_ids():
        config.add_image(image_id)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    pycolmap.create_default_ceres_bundle_adjuster(options, config, copy).solve()
    return copy


def test_they_are_what_repeated_measurements_show():
    model, rng = scene(), np.random.default_rng(0)
    runs = [measured(model, rng) for _ in range(TRIALS)]
    promised = camera_uncertainties(runs[0])

    checked = 0
    for image_id in sorted(model.reg_image_ids())[2:]:
        name = model.image(image_id).name
        true = model.image(image_id)
        poses = [run.find_image_with_name(name) for run in runs]
        moved = np.array([pose.projection_center() - true.projection_center() for pose in poses])
        turned = [(pose.cam_from_world().rotation * true.cam_from_world().rotation.inverse()).angle() for pose in poses]
        position = np.sqrt((moved**2).mean())
        rotation_deg = np.degrees(np.sqrt((np.array(turned) ** 2).mean() / 3))
        assert promised[name].position == pytest.approx(position, rel=0.35)
        assert promised[name].rotation_deg == pytest.approx(rotation_deg, rel=0.35)
        checked += 1
    assert checked == 3


def test_more_exact_keypoints_make_surer_cameras():
    model = scene()
    rough = camera_uncertainties(measured(model, np.random.default_rng(0)))
    exact = camera_uncertainties(model)

    for name in rough:
        assert exact[name].position <= rough[name].position
    assert max(each.position for each in exact.values()) < 1e-6
