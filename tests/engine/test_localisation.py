"""The pose of one photo over given points: right among wrong matches, honest about its certainty, refused by chance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pycolmap
import pytest

from recon.engine.localisation import (
    Correspondences,
    LocalisationOptions,
    PhotoPose,
    estimate_pose,
    find_correspondences,
)

FOCAL_PX, CENTRE_PX = 1000.0, (500.0, 400.0)
POSE = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.1, -0.2, 0.05])), np.array([0.3, -0.1, 5.0]))


def camera(focal_px: float = FOCAL_PX) -> pycolmap.Camera:
    return pycolmap.Camera(
        model="PINHOLE", width=1000, height=800, params=[focal_px, focal_px, *CENTRE_PX], camera_id=1
    )


def correspondences(right: int, wrong: int = 0, noise_px: float = 0.5, seed: int = 0) -> Correspondences:
    """Return matches to points in a cube of side 3 around the origin, seen from `POSE`."""
    rng = np.random.default_rng(seed)
    xyz = rng.uniform(-1.5, 1.5, (right + wrong, 3))
    xy = camera().img_from_cam(POSE * xyz) + rng.normal(0, noise_px, (right + wrong, 2))
    xy[right:] = rng.uniform((0, 0), (1000, 800), (wrong, 2))
    rows = np.arange(right + wrong)
    return Correspondences(rows, xy, rows, xyz)


def located(found: Correspondences, focal_px: float = FOCAL_PX, calibrated: bool = True) -> PhotoPose:
    pose = estimate_pose(
        camera(focal_px),
        found,
        LocalisationOptions(),
        is_calibrated=calibrated,
        has_prior_focal_length=calibrated,
    )
    assert pose is not None
    return pose


def error(pose: PhotoPose) -> np.ndarray:
    """Return the rotation error (radians, camera axes) and the error of the centre, as the covariance counts them."""
    x, y, z, w = (pose.cam_from_world.rotation * POSE.rotation.inverse()).quat
    turn = 2 * np.sign(w) * np.array([x, y, z])  # of small angles
    return np.concatenate([turn, pose.cam_from_world.inverse().translation - POSE.inverse().translation])


def test_the_pose_is_found_among_wrong_matches() -> None:
    pose = located(correspondences(right=100, wrong=100))

    assert pose.is_found
    assert 95 <= pose.num_inliers <= 105
    assert np.degrees(np.linalg.norm(error(pose)[:3])) < 0.1


def test_the_covariance_is_the_spread_of_the_errors() -> None:
    """Mahalanobis distances of a 6-vector have mean 6; a covariance of other units or axes is off by orders."""
    distances = []
    for seed in range(60):
        pose = located(correspondences(right=80, seed=seed))
        e = error(pose)
        distances.append(e @ np.linalg.inv(pose.covariance) @ e)

    assert 4.5 < np.mean(distances) < 8.5


@pytest.mark.parametrize("guess_px", [600.0, 1200.0, 2500.0])
def test_an_unknown_focal_length_is_found_with_the_pose(guess_px: float) -> None:
    pose = located(correspondences(right=200, wrong=50, noise_px=0.3), guess_px, calibrated=False)

    assert pose.is_found
    assert abs(pose.camera.focal_length_x - FOCAL_PX) < 10


def test_a_focal_length_that_is_estimated_makes_the_pose_less_certain() -> None:
    found = correspondences(right=100)

    fixed, free = located(found), located(found, calibrated=False)

    assert np.linalg.det(free.covariance) > np.linalg.det(fixed.covariance)


@pytest.mark.parametrize(("right", "wrong"), [(0, 150), (12, 10), (30, 300)])
def test_a_pose_by_chance_is_not_trusted(right: int, wrong: int) -> None:
    pose = estimate_pose(
        camera(),
        correspondences(right, wrong),
        LocalisationOptions(),
        is_calibrated=True,
        has_prior_focal_length=True,
    )

    assert pose is None or not pose.is_found


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_few_matches_are_no_pose(count: int) -> None:
    pose = estimate_pose(
        camera(), correspondences(count), LocalisationOptions(), is_calibrated=True, has_prior_focal_length=True
    )

    assert pose is None


def test_matches_lead_to_the_points_that_the_other_photo_sees(
    synthetic_model: Callable[..., pycolmap.Reconstruction],
) -> None:
    model = synthetic_model()
    image = model.image(min(model.reg_image_ids()))
    seen = [row for row, point in enumerate(image.points2D) if point.has_point3D()][:3]
    rows = np.array([[5, seen[0]], [6, seen[1]], [6, seen[1]]], np.uint32)
    keypoints = np.arange(20, dtype=np.float32).reshape(10, 2)

    found = find_correspondences(model, keypoints, {image.name: rows})

    assert found.rows.tolist() == [5, 6]
    assert found.xy.tolist() == keypoints[[5, 6]].tolist()
    assert found.point_ids.tolist() == [image.points2D[row].point3D_id for row in seen[:2]]
    np.testing.assert_array_equal(found.xyz, [model.point3D(k).xyz for k in found.point_ids.tolist()])
