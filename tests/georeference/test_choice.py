"""The frame of a generated model: by GPS, upright, or as it is, and what is said of it."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.data import Exif, ImageFile
from recon.core.frame import FrameChoice, FrameSource, Units
from recon.georeference.choice import choose_frame
from recon.georeference.fixes import gps_fixes
from recon.georeference.similarity import Similarity, _rotation, move_model
from recon.georeference.upright import estimate_up

HIDDEN = Similarity(0.03, _rotation(np.array([1.2, -0.7, 0.4])), np.array([5.0, 1.0, -2.0]))
UP_IN_MODEL = HIDDEN.rotation @ (0.0, 0.0, 1.0)


def looking(center, target, roll_deg=0.0):
    """Return the `cam_from_world` of a camera held level but for its roll, z up."""
    forward = np.subtract(target, center) / np.linalg.norm(np.subtract(target, center))
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    rotation = _rotation(np.array([0, 0, np.radians(roll_deg)])) @ rotation
    return pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), -rotation @ center)


def make_model(poses, points=()):
    """Return a model of these photos, moved out of its frame by HIDDEN."""
    model = pycolmap.Reconstruction()
    model.add_camera_with_trivial_rig(
        pycolmap.Camera(model="PINHOLE", width=400, height=300, params=[300, 300, 200, 150], camera_id=1)
    )
    for number, (name, pose) in enumerate(poses.items(), start=1):
        model.add_image_with_trivial_frame(pycolmap.Image(name=name, camera_id=1, image_id=number), pose)
    for xyz in points:
        model.add_point3D(np.asarray(xyz, float), pycolmap.Track())
    move_model(model, HIDDEN)
    return model


def street(count=16, roll_deg=2.0):
    """Return where photos of a walk are and look, by name: some to the left, some ahead."""
    random = np.random.default_rng(4)
    poses, places = {}, {}
    for number in range(count):
        center = np.array([8.0 * number, 6 * np.sin(number / 4), 1.6])
        ahead = center + np.array([10, 25 if number % 2 else 3, random.normal(0, 2)])
        poses[f"{number:02}.jpg"] = looking(center, ahead, random.normal(0, roll_deg))
        places[f"{number:02}.jpg"] = center
    return poses, places


def angle_to(up, expected):
    return np.degrees(np.arccos(np.clip(up @ expected, -1, 1)))


def listed(places, photo, noise=2.0, **changes):
    random = np.random.default_rng(0)
    return [photo(name, changes.get(name, center + random.normal(0, noise, 3))) for name, center in places.items()]


def test_gps_gives_metres_east_north_and_up(photo):
    poses, places = street()
    model = make_model(poses)
    images = listed(places, photo)
    framing = choose_frame(model, FrameChoice.AUTO, gps_fixes(images), {})
    move_model(model, framing.similarity)
    frame = framing.frame

    assert (frame.units, frame.source, frame.is_z_up) == (Units.GEOGRAPHIC, FrameSource.GPS, True)
    distances = [
        np.linalg.norm(
            model.find_image_with_name(a).projection_center() - model.find_image_with_name(b).projection_center()
        )
        for a, b in [("00.jpg", "15.jpg"), ("03.jpg", "09.jpg")]
    ]
    true = [np.linalg.norm(places["00.jpg"] - places["15.jpg"]), np.linalg.norm(places["03.jpg"] - places["09.jpg"])]
    assert distances == pytest.approx(true, rel=0.06)
    assert frame.facts["photos"] == 16
    assert "GPS of 16 photos" in framing.notes[0]


def test_photos_without_gps_come_along_and_wrong_gps_is_named(photo):
    poses, places = street()
    images = listed(places, photo, **{"02.jpg": None, "05.jpg": None, "09.jpg": (9e5, 4e6, 0)})
    framing = choose_frame(make_model(poses), FrameChoice.AUTO, gps_fixes(images), {})

    assert framing.frame.facts["without_gps"] == 2
    assert [each["image"] for each in framing.frame.facts["rejected"]] == ["09.jpg"]
    assert "09.jpg" in framing.notes[1]
    assert "km" in framing.notes[1]


def test_gps_that_does_not_hold_is_said_and_the_model_stands_upright(photo):
    poses, places = street()
    images = [photo(name, (0, 0, 0)) for name in places]
    framing = choose_frame(make_model(poses), FrameChoice.AUTO, gps_fixes(images), {})

    assert framing.frame.units is Units.ARBITRARY
    assert framing.frame.source is FrameSource.UPRIGHT
    assert "GPS is not used: all photos tell the same position" in framing.notes
    assert choose_frame(make_model(poses), FrameChoice.GPS, gps_fixes(images), {}).warning.startswith(
        "the model has no metres"
    )


def test_without_altitudes_the_origin_has_none(photo):
    poses, places = street()
    images = [photo(name, center, altitude=False) for name, center in places.items()]
    frame = choose_frame(make_model(poses), FrameChoice.AUTO, gps_fixes(images), {}).frame

    assert frame.units is Units.GEOGRAPHIC
    assert frame.origin.altitude_m is None


def test_up_is_found_within_its_error():
    poses, _ = street()
    upright = estimate_up(make_model(poses), {})

    assert upright.error_deg < 5
    assert angle_to(upright.up, UP_IN_MODEL) < 3 * upright.error_deg


@pytest.mark.parametrize(("orientation", "turn_deg"), [(1, 0), (3, 180), (6, -90), (8, 90)])
def test_exif_orientation_says_how_a_camera_was_held(orientation, turn_deg):
    """The whole walk in that posture: what the sensor calls up is then not up."""
    poses, _ = street()
    turn = pycolmap.Rigid3d(pycolmap.Rotation3d(_rotation(np.array([0, 0, np.radians(turn_deg)]))), np.zeros(3))
    model = make_model({name: turn * pose for name, pose in poses.items()})
    told, untold = (estimate_up(model, dict.fromkeys(poses, each)) for each in (orientation, 1))

    assert angle_to(told.up, UP_IN_MODEL) < 5
    assert orientation == 1 or untold.error_deg > 45 or angle_to(untold.up, UP_IN_MODEL) > 90


def test_a_photo_upside_down_does_not_turn_the_rest():
    poses, _ = street()
    poses["07.jpg"] = looking((56.0, 5.0, 1.6), (60.0, 30.0, 2.0), roll_deg=180)

    assert angle_to(estimate_up(make_model(poses), {}).up, UP_IN_MODEL) < 5


def wall_photos(count=6, pitch_m=4.0):
    """Photos that all look the same way, and up."""
    return {f"{n}.jpg": looking((3.0 * n, 0.0, 1.6), (3.0 * n + 0.5, 20.0, 1.6 + pitch_m)) for n in range(count)}


def test_a_wall_tells_the_tilt_that_photos_of_one_direction_leave_open():
    random = np.random.default_rng(2)
    wall = np.column_stack([random.uniform(-5, 20, 300), random.normal(20, 0.02, 300), random.uniform(0, 12, 300)])
    alone, with_wall = (estimate_up(make_model(wall_photos(), points), {}) for points in ((), wall))

    assert angle_to(alone.up, UP_IN_MODEL) > 8
    assert alone.error_deg > 8
    assert with_wall.planes == 1
    assert with_wall.error_deg < 4
    assert angle_to(with_wall.up, UP_IN_MODEL) < 2


def test_a_floor_tells_it_too():
    random = np.random.default_rng(2)
    floor = np.column_stack([random.uniform(-5, 20, (300, 2)) + np.array([0, 12]), random.normal(0, 0.02, 300)])
    upright = estimate_up(make_model(wall_photos(pitch_m=2), floor), {})

    assert upright.planes == 1
    assert angle_to(upright.up, UP_IN_MODEL) < 3


def test_a_camera_on_its_side_all_around_an_object_tells_nothing():
    """As on a robot's arm: the photos' x axes are vertical."""
    poses = {
        f"{n}.jpg": looking(5 * np.array([np.cos(n / 3), np.sin(n / 3), 0.1]), (0, 0, 0), roll_deg=90)
        for n in range(12)
    }
    framing = choose_frame(make_model(poses), FrameChoice.UPRIGHT, None, {})

    assert framing.similarity is None
    assert framing.frame.source is FrameSource.MAPPER
    assert "cannot be told" in framing.warning


def test_the_model_stays_where_it_is_when_that_is_asked_for(photo):
    poses, places = street()
    framing = choose_frame(make_model(poses), FrameChoice.MODEL, gps_fixes(listed(places, photo)), {})

    assert framing.similarity is None
    assert framing.frame.units is Units.ARBITRARY


def test_a_receiver_that_tells_its_error_counts_by_it(photo):
    """Three photos 3 m apart: nothing for a phone, enough for a surveyor's antenna."""
    places = {"a.jpg": (0.0, 0, 0), "b.jpg": (3.0, 0, 0), "c.jpg": (3.0, 3, 0)}
    poses = {name: looking(np.array(center), (1.5, 30, 1)) for name, center in places.items()}
    phone = [photo(name, center) for name, center in places.items()]
    antenna = [photo(name, center, position_error_m=0.05) for name, center in places.items()]

    assert choose_frame(make_model(poses), FrameChoice.AUTO, gps_fixes(phone), {}).frame.origin is None
    framing = choose_frame(make_model(poses), FrameChoice.AUTO, gps_fixes(antenna), {})
    assert framing.frame.scale_error < 0.05


def test_no_photo_with_gps_is_no_fix():
    assert gps_fixes([ImageFile("a.jpg", None, 4, 3), ImageFile("b.jpg", None, 4, 3, exif=Exif(make="X"))]) is None
