"""All models of a run come into one frame on earth; what is told is told once."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.data import Exif, ImageFile
from recon.core.events import Warned
from recon.core.frame import FrameSource, Origin, Units
from recon.georeference.geodesy import geodetic_from_enu
from recon.georeference.similarity import Similarity, _rotation, move_model
from recon.stages.framing import frame_models

HERE = Origin(55.7, 13.2, 40.0)
LEVEL = np.array([(1.0, 0, 0), (0, 0, -1), (0, 1, 0)])
"""A camera that looks north."""


def photo(name, enu):
    latitude, longitude, altitude = geodetic_from_enu(np.array([enu], float), HERE)[0]
    place = Exif(latitude_deg=latitude, longitude_deg=longitude, altitude_m=altitude)
    return ImageFile(name, None, 400, 300, exif=place)


def walk(prefix, start):
    """Return the places of a few photos by name, and a model of them in a frame of its own."""
    turns = [_rotation(np.array([0, 0, 0.5 * np.sin(n)])) for n in range(8)]
    places = {f"{prefix}{n}.jpg": np.add(start, (12.0 * n, 9 * np.sin(n), 1.6)) for n in range(8)}
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model="PINHOLE", width=400, height=300, params=[300, 300, 200, 150], camera_id=1)
    model.add_camera_with_trivial_rig(camera)
    for number, (turn, (name, center)) in enumerate(zip(turns, places.items(), strict=True), start=1):
        rotation = LEVEL @ turn
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(rotation), -rotation @ center)
        model.add_image_with_trivial_frame(pycolmap.Image(name=name, camera_id=1, image_id=number), pose)
    move_model(model, Similarity(0.02 + start[0] / 1e5, _rotation(np.array([1.0, start[0], 0.3])), np.ones(3)))
    return places, model


@pytest.fixture
def run():
    """Return two models that photos of two streets made, and what a run knows of it."""
    streets = [walk("a", (0.0, 0, 0)), walk("b", (300.0, 200, 0))]
    told = []
    plan = SimpleNamespace(world="auto", gps_prior=False)
    photos = [photo(name, place) for places, _ in streets for name, place in places.items()]
    return SimpleNamespace(
        plan=plan, prior_poses=None, usable=photos, note=told.append, observer=told.append, told=told
    ), streets


def center(model, name):
    return model.find_image_with_name(name).projection_center()


def test_two_models_stand_where_they_are_to_each_other(run):
    run, streets = run
    models, frames = frame_models(run, [model for _, model in streets], MappingOptions())
    apart = center(models[1], "b3.jpg") - center(models[0], "a3.jpg")

    assert apart == pytest.approx(streets[1][0]["b3.jpg"] - streets[0][0]["a3.jpg"], abs=0.1)
    assert frames[0].origin == frames[1].origin
    assert len(run.told) == 1


def test_given_poses_keep_their_frame(run):
    run, streets = run
    run.prior_poses = {}
    before = center(streets[0][1], "a3.jpg").copy()
    models, (frame,) = frame_models(run, [streets[0][1]], MappingOptions())

    assert center(models[0], "a3.jpg").tolist() == before.tolist()
    assert frame.source is FrameSource.PRIOR_POSES


def test_a_prior_without_gps_is_warned_of(run):
    run, streets = run
    run.plan.gps_prior = True
    run.usable = [replace(image, exif=Exif()) for image in run.usable]
    _, (frame,) = frame_models(run, [streets[0][1]], MappingOptions())

    assert frame.units is Units.ARBITRARY
    assert any(isinstance(each, Warned) and "--gps-prior" in each.message for each in run.told)


def test_no_models_have_no_frames(run):
    assert frame_models(run[0], [], MappingOptions()) == ([], [])
