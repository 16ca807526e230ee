"""GPS in the database and in bundle adjustment."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.data import Exif, ImageFile
from recon.engine.database import write_database
from recon.engine.position_prior import adjust_to_positions, position_prior


@pytest.fixture
def noisy(synthetic_model):
    """A model in metres whose keypoints are off by half a pixel, and the photos' true positions."""
    model = synthetic_model(images=8, points=200)
    random = np.random.default_rng(0)
    for image in model.images.values():
        for point in image.points2D:
            point.xy = point.xy + random.normal(0, 0.5, 2)
    true = {image.name: image.projection_center().copy() for image in model.images.values()}
    return model, true


def bent(model, size=0.05):
    """Move the photos off their places, as drift does."""
    for number, image_id in enumerate(sorted(model.reg_image_ids())):
        image = model.image(image_id)
        pose = image.cam_from_world()
        image.frame.rig_from_world = pycolmap.Rigid3d(pose.rotation, pose.translation + size * np.sin(number))
    return model


def errors(model, true):
    return [
        np.linalg.norm(model.find_image_with_name(name).projection_center() - place) for name, place in true.items()
    ]


def test_photos_come_to_positions_that_are_sure(noisy):
    model, true = noisy
    known = {name: (place, np.full(3, 0.01)) for name, place in true.items()}
    outcome = adjust_to_positions(bent(model), known, MappingOptions(threads=1))

    assert outcome.is_kept
    assert max(errors(outcome.model, true)) < 0.02
    assert outcome.distance_m[1] < outcome.distance_m[0]
    assert "m from their GPS" in outcome.describe()


def test_positions_that_contradict_the_photos_are_not_followed(noisy):
    """Places of other photos, said to be exact."""
    model, true = noisy
    names = sorted(true)
    wrong = {name: (true[other], np.full(3, 1e-4)) for name, other in zip(names, names[1:] + names[:1], strict=True)}
    before = {name: model.find_image_with_name(name).projection_center().copy() for name in names}
    outcome = adjust_to_positions(model, wrong, MappingOptions(threads=1))

    assert max(errors(outcome.model, before)) < 0.5
    assert outcome.is_kept or outcome.model is model


def test_the_given_model_is_not_changed_and_given_cameras_stay(noisy):
    model, true = noisy
    params = model.cameras[1].params.copy()
    centers = {name: model.find_image_with_name(name).projection_center().copy() for name in true}
    known = {name: (place + 0.1, np.full(3, 0.01)) for name, place in true.items()}
    outcome = adjust_to_positions(model, known, MappingOptions(threads=1, fixed_camera_ids=frozenset({1, 77})))

    assert outcome.model.cameras[1].params.tolist() == params.tolist()
    assert max(errors(model, centers)) == 0


def test_a_photos_gps_is_a_pose_prior_of_colmap():
    image = pycolmap.Image(name="a.jpg", camera_id=3, image_id=7)
    prior = position_prior(image, Exif(latitude_deg=55.7, longitude_deg=13.2, altitude_m=40.0))

    assert prior.position.tolist() == [55.7, 13.2, 40.0]
    assert prior.coordinate_system == pycolmap.PosePriorCoordinateSystem.WGS84
    assert (prior.corr_data_id.id, prior.corr_data_id.sensor_id.id) == (7, 3)
    assert position_prior(image, Exif(altitude_m=40.0)) is None


def test_a_runs_database_holds_the_priors_of_photos_with_gps(tmp_path):
    place = Exif(latitude_deg=55.7, longitude_deg=13.2)
    photos = [ImageFile("a.jpg", tmp_path, 40, 30, exif=place), ImageFile("b.jpg", tmp_path, 40, 30)]
    names = tuple(photo.name for photo in photos)
    intrinsics = SimpleNamespace(
        camera_id=1,
        model="PINHOLE",
        width=40,
        height=30,
        params=(30, 30, 20, 15),
        has_prior_focal_length=True,
        image_names=names,
    )
    write_database(tmp_path / "d.db", [intrinsics], photos, lambda name: np.zeros((0, 2), np.float32), [])
    with pycolmap.Database.open(tmp_path / "d.db") as database:
        (prior,) = database.read_all_pose_priors()
        image = database.read_image(prior.corr_data_id.id)

    assert image.name == "a.jpg"
    assert prior.position.tolist() == [55.7, 13.2, 0.0]
