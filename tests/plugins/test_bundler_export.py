"""Bundler's files as a plugin, against its manual and against COLMAP's own converter."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest
import recon_plugins.bundler_export as plugin

import recon
from recon.engine.models import read_model


def export(model, folder):
    (spec,) = plugin.recon_exporters()
    spec.create(spec.options(), recon.RunContext()).export(model, folder)
    return (folder / "bundle.out").read_text("ascii")


def numbers_of(text):
    """Return all numbers of a bundle.out after its first line."""
    return np.array(text.split("\n", 1)[1].split(), np.float64)


def test_the_manuals_projection_gives_the_manuals_position(tmp_path):
    """One camera at the origin that looks along COLMAP's +z, one point to the right of it and below."""
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(
        model="RADIAL", width=640, height=480, params=[500.0, 330.0, 250.0, 0.1, 0.01], camera_id=1
    )
    model.add_camera_with_trivial_rig(camera)
    image = pycolmap.Image(name="a.jpg", camera_id=1, image_id=1)
    image.points2D = pycolmap.Point2DList([pycolmap.Point2D(np.array([400.0, 300.0]))])
    model.add_image_with_trivial_frame(image, pycolmap.Rigid3d())
    track = pycolmap.Track()
    track.add_element(1, 0)
    model.add_point3D(np.array([0.5, 0.25, 2.0]), track, np.array([1, 2, 3], np.uint8))
    text = export(model, tmp_path)

    assert text.splitlines()[:2] == ["# Bundle file v0.3", "1 1"]
    assert text.splitlines()[2] == "500.0 0.1 0.01"
    assert np.array_equal(numbers_of(text)[5:17], [1, 0, 0, 0, -1, 0, 0, 0, -1, 0, 0, 0])
    assert text.splitlines()[7:] == ["0.5 0.25 2.0", "1 2 3", "1 0 0 70.0 -50.0"]
    assert (tmp_path / "list.txt").read_text() == "a.jpg\n"


@pytest.mark.colmap
def test_it_says_what_colmap_38_says(finished_run, tmp_path, colmap_converter):
    model = read_model(finished_run)
    expected, names = (
        path.read_text() for path in colmap_converter(model, "Bundler", "out.bundle.out", "out.list.txt")
    )
    text = export(model, tmp_path / "made")

    assert (tmp_path / "made" / "list.txt").read_text().split() == names.split()
    ours, theirs = numbers_of(text), numbers_of(expected)
    num_cameras = int(ours[0])
    head = 2 + 15 * num_cameras
    assert ours[:head] == pytest.approx(theirs[:head], rel=1e-12, abs=1e-12)
    assert _points(ours[head:]) == pytest.approx(_points(theirs[head:]), abs=0.01)  # it prints 6 digits of a position


def _points(numbers):
    """Return one row of numbers for all points by position: position, colour, and sightings by photo."""
    points, position = [], 0
    while position < len(numbers):
        end = position + 7 + 4 * int(numbers[position + 6])
        views = sorted(numbers[position + 7 : end].reshape(-1, 4).tolist())
        points.append((numbers[position : position + 7].tolist(), views))
        position = end
    return np.concatenate([np.array([*head, *np.ravel(views)]) for head, views in sorted(points)])


@pytest.mark.parametrize(
    ("lens", "params", "what"),
    [
        ("PINHOLE", (500.0, 520.0, 320.0, 240.0), "two focal lengths"),
        ("OPENCV", (500.0, 500.0, 320.0, 240.0, 0.1, 0, 0.001, 0), "p1"),
        ("OPENCV_FISHEYE", (500.0, 500.0, 320.0, 240.0, 0.1, 0, 0, 0), "OPENCV_FISHEYE"),
    ],
)
def test_what_is_no_radial_lens_is_refused(synthetic_model, tmp_path, lens, params, what):
    model = synthetic_model()
    (camera,) = model.cameras.values()
    camera.model, camera.params = pycolmap.CameraModelId.__members__[lens], list(params)

    with pytest.raises(recon.UsageError, match=what) as caught:
        export(model, tmp_path / "made")
    assert "RADIAL" in caught.value.try_
    assert not (tmp_path / "made").exists()


def test_an_opencv_lens_that_is_radial_is_taken(synthetic_model, tmp_path):
    model = synthetic_model()
    (camera,) = model.cameras.values()
    camera.model, camera.params = pycolmap.CameraModelId.OPENCV, [500.0, 500.0, 320.0, 240.0, 0.1, 0.2, 0.0, 0.0]

    assert export(model, tmp_path).splitlines()[2] == "500.0 0.1 0.2"
