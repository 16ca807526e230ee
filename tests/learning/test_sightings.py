"""Where keypoints appear in another view: on a plane it is known without any rays."""

from __future__ import annotations

import numpy as np
import pytest

from recon.learning.sightings import sightings, surface_behind
from recon.scenes.camera import looking_at
from recon.scenes.meshes import grid, joined
from recon.scenes.render import Stage
from recon.scenes.textures import Palette, Texture
from recon.scenes.world import Light, World


def square(side, height):
    """Return a level square around the origin."""
    x, y = np.meshgrid(np.linspace(-side / 2, side / 2, 5), np.linspace(-side / 2, side / 2, 5))
    return grid(np.stack([x, y, 0.0 * x + height], 2), np.stack([x, y], 2), 0)


def stage_of(*meshes):
    plain = Texture.of(np.full((16, 16, 3), 128, np.uint8), 1.0)
    return Stage(World(joined(list(meshes)), Palette([plain], plain), Light.afternoon(30.0, 60.0)))


def camera_at(x, y, z):
    distortion = (-0.08, 0.02, 0.001, -0.0005)
    return looking_at(np.array([x, y, z]), np.array([0.1, 0.1, 0.0]), size=(160, 120), focal_px=150.0, roll_deg=5.0,
                      distortion=distortion)  # fmt: skip


CAMERA1, CAMERA2 = camera_at(0.3, -0.8, 3.0), camera_at(-1.0, -0.4, 2.4)


def through_the_ground(positions, camera1, camera2):
    """Return where level ground at (N, 2) positions of one camera appears in another."""
    directions = camera1.directions(positions - 0.5)
    ground = camera1.centre - directions * (camera1.centre[2] / directions[:, 2])[:, None]
    return camera2.project(ground)[0] + 0.5


@pytest.fixture
def keypoints():
    return np.random.default_rng(0).uniform((2, 2), (158, 118), (300, 2)).astype(np.float32)


def test_positions_and_jacobians_on_a_plane_are_exact(keypoints):
    """To a hundredth of a pixel: half a pixel between the two conventions would show."""
    stage = stage_of(square(20.0, 0.0))

    seen = sightings(surface_behind(keypoints, CAMERA1, stage), CAMERA2, stage)

    positions = keypoints[seen.rows].astype(float)
    steps = [
        through_the_ground(positions + step, CAMERA1, CAMERA2) - through_the_ground(positions - step, CAMERA1, CAMERA2)
        for step in np.eye(2) / 2
    ]
    assert len(seen.rows) > 100
    assert np.abs(seen.positions - through_the_ground(positions, CAMERA1, CAMERA2)).max() < 0.01
    assert np.abs(seen.jacobians - np.stack(steps, 2)).max() < 0.01


def test_a_view_sees_itself_where_it_is(keypoints):
    stage = stage_of(square(20.0, 0.0))

    seen = sightings(surface_behind(keypoints, CAMERA1, stage), CAMERA1, stage)

    assert len(seen.rows) == len(keypoints)
    assert np.abs(seen.positions - keypoints).max() < 0.01
    assert np.abs(seen.jacobians - np.eye(2)).max() < 0.01


def test_what_another_thing_hides_is_not_seen(keypoints):
    """A roof over the middle hides from either camera another piece of the ground."""
    stage = stage_of(square(20.0, 0.0), square(0.8, 1.0))

    surface = surface_behind(keypoints, CAMERA1, stage)
    seen = sightings(surface, CAMERA2, stage)

    on_ground = np.abs(surface.points[:, 2]) < 0.01
    to_camera2 = CAMERA2.centre - surface.points
    at_roof = surface.points + to_camera2 * ((1.0 - surface.points[:, 2:]) / to_camera2[:, 2:])
    hidden = np.flatnonzero(on_ground & (np.abs(at_roof[:, :2]) < 0.38).all(axis=1))
    assert len(hidden) > 5
    assert not set(hidden) & set(seen.rows)


def test_outlines_and_sky_have_no_surface():
    stage = stage_of(square(1.0, 1.0))
    corner, depth = CAMERA1.project(np.array([[0.5, 0.1, 1.0], [0.3, 0.1, 1.0], [3.0, 0.1, 1.0]]))
    assert (depth > 0).all()

    surface = surface_behind((corner + 0.5).astype(np.float32), CAMERA1, stage)

    assert np.isnan(surface.points[:, 0]).tolist() == [True, False, True]


def test_where_a_surface_bends_its_slope_is_unknown():
    """A keypoint on the ridge of a roof is a place like any other, but no plane describes what is around it."""
    x, y = np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 1.0])
    roof = grid(np.stack([x, y, 0.5 - np.abs(x)], 2), np.stack([x, y], 2), 0)
    ridge, _ = CAMERA1.project(np.array([[0.0, 0.2, 0.5], [0.4, 0.2, 0.1]]))

    surface = surface_behind((ridge + 0.5).astype(np.float32), CAMERA1, stage_of(roof))

    assert np.isfinite(surface.points).all()
    assert np.isnan(surface.slopes).all(axis=(1, 2)).tolist() == [True, False]


def test_no_keypoints_are_no_sightings():
    stage = stage_of(square(20.0, 0.0))

    seen = sightings(surface_behind(np.zeros((0, 2), np.float32), CAMERA1, stage), CAMERA2, stage)

    assert (len(seen.rows), seen.positions.shape, seen.jacobians.shape) == (0, (0, 2), (0, 2, 2))
