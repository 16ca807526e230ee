"""The viewpoint is chosen as a photographer of the scene would: up is up, all is in view, cameras in front."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.output.geometry import CameraPoses, PointCloud
from recon.output.viewpoint import choose_viewpoint, frustum_depth, up_direction

SIZE = (800, 500)
DOWN_IN_PHOTO = {1: (0, 1), 3: (0, -1), 6: (1, 0), 8: (-1, 0)}
"""Where the ground is in the stored pixels of a photo held in that way."""


def wall(num_points: int = 500) -> PointCloud:
    """Return a wall 4 wide and 3 high that stands at z = 6, y down."""
    rng = np.random.default_rng(0)
    positions = np.column_stack(
        [rng.uniform(-2, 2, num_points), rng.uniform(-3, 0, num_points), np.full(num_points, 6.0)]
    )
    return cloud_of(positions)


def cloud_of(positions) -> PointCloud:
    count = len(positions)
    return PointCloud(
        np.asarray(positions, np.float64), np.full((count, 3), 99, np.uint8), np.ones(count), np.ones(count)
    )


def photographers(orientation: int = 1, count: int = 5) -> CameraPoses:
    """Return cameras in a row at z = 0 that look along z, held as the EXIF orientation says."""
    down = np.array([*DOWN_IN_PHOTO[orientation], 0.0])
    # Columns are the camera's axes in the world: its `down` in the photo is the world's y.
    forward = np.array([0.0, 0.0, 1.0])
    from_world = np.stack([np.cross(down, forward), down, forward])
    world_from_cam = from_world.T
    return CameraPoses(
        tuple(f"{number}.jpg" for number in range(count)),
        np.column_stack([np.linspace(-2, 2, count), np.full(count, -1.5), np.zeros(count)]),
        np.repeat(world_from_cam[None], count, axis=0),
        np.full((count, 2), 0.5),
    )


@pytest.mark.parametrize("orientation", DOWN_IN_PHOTO)
def test_up_in_the_photos_is_up_however_the_camera_was_held(orientation):
    cameras = photographers(orientation)
    orientations = dict.fromkeys(cameras.names, orientation)

    # The world's y, which is down, as the camera was held.
    down = cameras.world_from_cam[0] @ np.array([*DOWN_IN_PHOTO[orientation], 0.0])

    assert up_direction(cameras, orientations) == pytest.approx(-down)


def test_everything_is_in_view_and_before_the_eye():
    cloud, cameras = wall(), photographers()

    viewpoint = choose_viewpoint(cloud, cameras, SIZE, {})

    in_picture, depths = viewpoint.project(np.concatenate([cloud.positions, cameras.centers]))
    assert (depths > 0).all()
    assert in_picture.min() > 0
    assert in_picture.max() < 1


def test_the_frame_is_filled():
    cloud, cameras = wall(), photographers()

    in_picture, _ = choose_viewpoint(cloud, cameras, SIZE, {}).project(
        np.concatenate([cloud.positions, cameras.centers])
    )

    assert np.ptp(in_picture, axis=0).max() > 0.85


def test_the_eye_is_on_the_photographers_side_above_and_upright():
    viewpoint = choose_viewpoint(wall(), photographers(), SIZE, {})

    assert viewpoint.position[2] < 0  # behind them
    assert viewpoint.cam_from_world[2, 1] > 0  # looking down a little: y is down
    assert viewpoint.cam_from_world[1, 1] > 0.9  # the picture's down is the world's
    assert viewpoint.cam_from_world[0, 1] == pytest.approx(0)  # the horizon is level


def test_cameras_far_from_a_small_object_do_not_shrink_it():
    """A telephoto lens: the object is shown, not the way to it."""
    far = photographers()
    far = CameraPoses(far.names, far.centers - [0, 0, 60.0], far.world_from_cam, far.half_extents)

    in_picture, _ = choose_viewpoint(wall(), far, SIZE, {}).project(wall().positions)

    assert np.ptp(in_picture, axis=0).max() > 0.85


def test_points_far_away_do_not_shrink_the_scene():
    """A few points on the horizon are in every outdoor model."""
    far = np.random.default_rng(1).normal(size=(10, 3)) * 1e4
    near = wall()
    with_far = cloud_of(np.concatenate([near.positions, far]))

    alone = choose_viewpoint(near, photographers(), SIZE, {})
    together = choose_viewpoint(with_far, photographers(), SIZE, {})

    assert together.distance == pytest.approx(alone.distance, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    num_points=st.integers(0, 30),
    num_cameras=st.integers(0, 6),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
    size=st.tuples(st.integers(16, 900), st.integers(16, 900)),
)
def test_any_model_has_a_viewpoint(seed, num_points, num_cameras, scale, size):
    """No points, one camera, all in one place: a picture is drawn of it all the same."""
    rng = np.random.default_rng(seed)
    rotations = np.linalg.qr(rng.normal(size=(num_cameras, 3, 3)))[0] if num_cameras else np.zeros((0, 3, 3))
    cameras = CameraPoses(
        tuple(map(str, range(num_cameras))),
        rng.normal(size=(num_cameras, 3)) * scale,
        rotations,
        np.ones((num_cameras, 2)),
    )
    cloud = cloud_of(rng.normal(size=(num_points, 3)) * scale)

    viewpoint = choose_viewpoint(cloud, cameras, size, {})

    assert np.isfinite(viewpoint.position).all()
    assert viewpoint.cam_from_world @ viewpoint.cam_from_world.T == pytest.approx(np.eye(3), abs=1e-6)
    assert np.linalg.det(viewpoint.cam_from_world) == pytest.approx(1)
    assert viewpoint.distance > 0
    assert frustum_depth(cloud, cameras) > 0
