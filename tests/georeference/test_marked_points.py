"""Points marked in photos: found where they are, with an error that holds, or refused with a reason."""

from __future__ import annotations

import numpy as np
import pytest

from recon.core.errors import UsageError
from recon.georeference.marked_points import Mark, locate_marks


def marks_of(model, xyz, names, noise=None):
    marks = []
    for name in names:
        image = model.find_image_with_name(name)
        x, y = model.camera(image.camera_id).img_from_cam(image.cam_from_world() * np.asarray(xyz))
        dx, dy = (0, 0) if noise is None else noise.normal(0, 1, 2)
        marks.append(Mark(name, float(x + dx), float(y + dy)))
    return marks


def seen_by(model, point):
    return [model.image(element.image_id).name for element in point.track.elements]


def points_seen_twice(model):
    points = [point for _, point in sorted(model.points3D.items()) if len(set(seen_by(model, point))) >= 3]
    assert len(points) > 10
    return points


def test_exact_marks_give_the_point(synthetic_model):
    model = synthetic_model()
    for point in points_seen_twice(model)[:10]:
        names = sorted(set(seen_by(model, point)))[:3]
        found = locate_marks(model, marks_of(model, point.xyz, names))

        assert found.xyz == pytest.approx(point.xyz, abs=1e-6)
        assert max(found.errors_px) < 1e-4


def test_the_covariance_is_what_marks_off_by_a_pixel_make(synthetic_model):
    """Over many markings, the squared distance in standard errors is 3 on average."""
    model = synthetic_model()
    point = points_seen_twice(model)[0]
    names = sorted(set(seen_by(model, point)))[:2]
    noise = np.random.default_rng(0)
    squares = []
    for _ in range(200):
        try:
            found = locate_marks(model, marks_of(model, point.xyz, names, noise))
        except UsageError:  # beyond the photo's edge
            continue
        offset = found.xyz - point.xyz
        squares.append(offset @ np.linalg.solve(found.covariance, offset))

    assert len(squares) > 150
    assert np.mean(squares) == pytest.approx(3, rel=0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda marks: [marks[0]], "two different photos"),
        (lambda marks: [marks[0], marks[0]], "two different photos"),
        (lambda marks: [marks[0], Mark("nobody.jpg", 1, 1)], "no photo of the model"),
        (lambda marks: [marks[0], Mark(marks[1].name, -1, 5)], "outside"),
        (lambda marks: [marks[0], Mark(marks[1].name, 5, 1e9)], "outside"),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(synthetic_model, change, message):
    model = synthetic_model()
    point = points_seen_twice(model)[0]
    marks = marks_of(model, point.xyz, sorted(set(seen_by(model, point)))[:2])

    with pytest.raises(UsageError, match=message):
        locate_marks(model, change(marks))


def test_photos_from_one_place_tell_no_depth(synthetic_model):
    model = synthetic_model()
    point = points_seen_twice(model)[0]
    names = sorted(set(seen_by(model, point)))[:2]
    image1, image2 = map(model.find_image_with_name, names)
    image2.frame.rig_from_world = image1.cam_from_world()

    with pytest.raises(UsageError, match="depth is not told"):
        locate_marks(model, marks_of(model, point.xyz, names))
