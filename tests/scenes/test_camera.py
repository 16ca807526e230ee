"""The camera model is OpenCV's, exactly: rays and projection are each other's inverse."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.scenes.camera import distorted, looking_at, undistorted

LENS = (-0.085, 0.03, 0.0002, -0.00015)


def camera(distortion=LENS):
    return looking_at(
        np.array([1.0, -4.0, 1.5]),
        np.array([0.2, 0.5, 0.8]),
        size=(320, 240),
        focal_px=257.0,
        principal=(1.3, -0.7),
        distortion=distortion,
        roll_deg=4.0,
    )


@settings(deadline=None)
@given(
    st.tuples(st.floats(-0.2, 0.2), st.floats(-0.05, 0.05), st.floats(-0.005, 0.005), st.floats(-0.005, 0.005)),
    st.lists(st.tuples(st.floats(-0.7, 0.7), st.floats(-0.55, 0.55)), min_size=1, max_size=20),
)
def test_undistorting_undoes_the_lens(distortion, places):
    plane = np.array(places)

    assert np.abs(undistorted(distorted(plane, distortion), distortion) - plane).max() < 1e-10


def test_projection_is_that_of_opencv():
    """So that gt.json means to others what it means to us."""
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 3))
    view = camera()
    turn, _ = cv2.Rodrigues(view.rotation)
    expected, _ = cv2.projectPoints(points, turn, view.translation, view.matrix, np.array(view.distortion))

    pixels, depth = view.project(points)

    assert np.abs(pixels - expected.reshape(-1, 2)).max() < 1e-8
    assert (depth > 0).all()


def test_a_ray_goes_through_its_pixel():
    view = camera()
    pixels = np.array([[0.0, 0.0], [319.0, 239.0], [100.25, 33.5]])

    back, depth = view.project(view.centre + 3.0 * view.directions(pixels))

    assert np.abs(back - pixels).max() < 1e-9
    assert np.allclose(depth, 3.0)


def test_the_target_is_seen_at_the_principal_point():
    view = camera()
    pixels, _ = view.project(np.array([[0.2, 0.5, 0.8]]))

    assert np.allclose(pixels[0], view.matrix[:2, 2])
    assert np.allclose(view.centre, [1.0, -4.0, 1.5])
    assert np.allclose(view.rotation @ view.rotation.T, np.eye(3))
    assert np.isclose(np.linalg.det(view.rotation), 1.0)


def test_up_in_the_world_is_up_in_the_picture():
    """y points down in a picture, z up in the world."""
    level = looking_at(np.zeros(3), np.array([0.0, 5.0, 0.0]), size=(100, 100), focal_px=80.0)
    pixels, _ = level.project(np.array([[0.0, 5.0, 1.0], [1.0, 5.0, 0.0]]))

    assert pixels[0, 1] < 49.5 < pixels[1, 0]


def test_a_lens_is_known_again_and_another_is_not():
    assert camera().has_lens_of(camera())
    assert not camera().has_lens_of(camera((0.0, 0.0, 0.0, 0.0)))
