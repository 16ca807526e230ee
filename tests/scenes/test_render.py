"""What is rendered is what gt.json says, to a small part of a pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from recon.scenes.camera import looking_at
from recon.scenes.meshes import grid
from recon.scenes.render import Stage
from recon.scenes.sensor import Sensor
from recon.scenes.textures import Palette, Texture
from recon.scenes.world import Light, World


def flat_world(sheet):
    """Return a level square of 4 m around the origin that shows a sheet once."""
    x, y = np.meshgrid(np.linspace(-2.0, 2.0, 5), np.linspace(-2.0, 2.0, 5))
    mesh = grid(np.stack([x, y, 0.0 * x], 2), np.stack([x + 2.0, y + 2.0], 2), 0)
    plain = Texture.of(np.full((16, 16), 128, np.uint8), 1.0)
    return World(mesh, Palette([Texture.of(sheet, 4.0)], plain), Light.afternoon(30.0, 60.0))


def downward_camera(distortion=(0.0, 0.0, 0.0, 0.0)):
    centre, target = np.array([0.3, -0.4, 3.0]), np.array([0.1, 0.1, 0.0])
    return looking_at(centre, target, size=(160, 120), focal_px=190.0, distortion=distortion, roll_deg=7.0)


def test_depth_is_along_the_axis_and_exact():
    """A plane tells: each pixel's point must lie on it, whatever the lens does."""
    camera = downward_camera((-0.1, 0.04, 0.001, -0.0008))
    depth = Stage(flat_world(np.full((64, 64, 3), 128, np.uint8))).depth(camera)

    points = camera.points(depth)
    assert depth.shape == (120, 160)
    assert np.abs(points[:, :, 2]).max() < 1e-5


def test_a_mark_appears_where_the_camera_projects_it():
    """Half a pixel of bias would show as one."""
    sheet = np.full((512, 512, 3), 25, np.uint8)
    marks = [(-0.6, 0.5), (0.5, 0.4), (0.1, -0.3)]
    for x, y in marks:  # discs of 4 cm; the texel at place u has its centre at (index + 0.5) / 512
        cv2.circle(
            sheet, (round(((x + 2) / 4 * 512 - 0.5) * 16), round(((y + 2) / 4 * 512 - 0.5) * 16)), 5 * 16,
            (230, 230, 230), -1, cv2.LINE_AA, 4,
        )  # fmt: skip
    camera = downward_camera((-0.1, 0.04, 0.001, -0.0008))

    light = Stage(flat_world(sheet)).radiance(camera, 4)[:, :, 1].astype(float)

    expected, _ = camera.project(np.array([(x, y, 0.0) for x, y in marks]))
    light -= np.median(light)
    for x, y in expected:
        column, row = round(x), round(y)
        part = np.clip(light[row - 6 : row + 7, column - 6 : column + 7], 0.0, None)
        offset = np.arange(-6, 7)
        found_x = column + (part.sum(axis=0) @ offset) / part.sum()
        found_y = row + (part.sum(axis=1) @ offset) / part.sum()
        assert np.hypot(found_x - x, found_y - y) < 0.06


def test_the_sky_is_infinitely_far():
    camera = looking_at(np.array([0.0, -5.0, 1.0]), np.array([0.0, 0.0, 3.0]), size=(64, 48), focal_px=60.0)

    assert np.isinf(Stage(flat_world(np.full((64, 64, 3), 128, np.uint8))).depth(camera)[0]).all()


def test_the_same_scene_gives_the_same_photo(tiny_scene, tiny_stage):
    """Also with more threads, so that a scene can be made again anywhere."""
    shot = tiny_scene.shots[0]
    again = Stage(tiny_scene.world, threads=2)

    first = tiny_stage.photo(shot.camera, shot.sensor)

    assert np.array_equal(first, again.photo(shot.camera, shot.sensor))


def test_two_views_agree_about_depth_and_occlusion(tiny_scene, tiny_stage):
    """What one photo sees is in the other at its projection, or hidden there by something nearer."""
    one, other = tiny_scene.shots[1].camera, tiny_scene.shots[2].camera
    points = one.points(tiny_stage.depth(one))
    seen = points[np.isfinite(points).all(axis=2)]
    pixels, depth = other.project(seen)
    inside = (pixels > 0).all(axis=1) & (pixels < [other.width - 1, other.height - 1]).all(axis=1)
    nearest = tiny_stage.depth_at(other, pixels[inside])

    assert inside.mean() > 0.3
    assert (nearest < depth[inside] + 0.01).mean() > 0.999
    visible = np.abs(nearest - depth[inside]) < 0.01
    assert 0.5 < visible.mean() < 0.99  # and something is hidden


def test_rendering_gives_photo_and_depth(tiny_scene, tiny_stage):
    shot = tiny_scene.shots[0]
    rendering = tiny_stage.render(shot.camera, shot.sensor, samples=1)

    assert rendering.pixels.shape == (240, 320, 3)
    assert rendering.pixels.dtype == np.uint8
    assert rendering.depth.shape == (240, 320)
    assert 20 < rendering.pixels.mean() < 220


@pytest.mark.parametrize(("setting", "darker"), [({"exposure": 0.5}, True), ({"exposure": 1.5}, False)])
def test_exposure_changes_the_brightness(tiny_scene, tiny_stage, setting, darker):
    camera = tiny_scene.shots[0].camera
    normal = tiny_stage.photo(camera, Sensor(seed=1), samples=1).mean()
    changed = tiny_stage.photo(camera, Sensor(seed=1, **setting), samples=1).mean()

    assert (changed < normal) == darker
