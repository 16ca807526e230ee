"""What is drawn lies where the model says."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.output.geometry import camera_poses, frustum_corners, frustum_lines, point_cloud


def test_points_come_by_id_with_their_facts(synthetic_model):
    model = synthetic_model()
    cloud = point_cloud(model)

    for row, point_id in enumerate(sorted(model.points3D)):
        point = model.point3D(point_id)
        assert cloud.positions[row] == pytest.approx(point.xyz)
        assert tuple(cloud.colors[row]) == tuple(point.color)
        assert cloud.track_lengths[row] == point.track.length()


def test_the_corners_of_a_frustum_project_to_the_corners_of_the_picture(synthetic_model):
    """Without distortion, that is; what is off by a mirror or a transpose shows here."""
    model = synthetic_model().__copy__()
    camera = next(iter(model.cameras.values()))
    camera.params = [*camera.params[:3], 0.0]
    cameras = camera_poses(model)
    corners = frustum_corners(cameras, depth=2.0)

    for name, four in zip(cameras.names, corners, strict=True):
        image = model.find_image_with_name(name)
        assert image.projection_center() == pytest.approx(cameras.centers[cameras.names.index(name)])
        seen = [image.project_point(corner) for corner in four]
        size = np.array([camera.width, camera.height])
        assert np.array(seen) == pytest.approx(np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * size, abs=1e-6)


def test_a_camera_is_ten_lines(synthetic_model):
    cameras = camera_poses(synthetic_model(images=4))

    assert frustum_lines(cameras, 1.0).shape == (40, 2, 3)


def test_a_camera_without_focal_length_is_drawn_all_the_same(synthetic_model):
    model = synthetic_model().__copy__()
    next(iter(model.cameras.values())).params = [0.0, 1.0, 1.0, 0.0]

    assert np.isfinite(frustum_lines(camera_poses(model), 1.0)).all()


def test_an_empty_model_has_empty_arrays():
    model = pycolmap.Reconstruction()

    assert point_cloud(model).positions.shape == (0, 3)
    assert frustum_lines(camera_poses(model), 1.0).shape == (0, 2, 3)
