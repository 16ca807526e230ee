"""Rigs reach the database as COLMAP's own, go through mapping, and give the model its scale."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.data import ImageFile
from recon.core.events import ignore
from recon.engine.database import write_database
from recon.engine.mapper import IncrementalMapper
from recon.engine.model_covariance import camera_uncertainties
from recon.engine.rigs import has_rigs, scale_to_rigs

from .conftest import Intrinsics


def test_photos_of_one_moment_become_a_frame(tmp_path: Path) -> None:
    place = {"cam_from_rig_rotation": [1, 0, 0, 0], "cam_from_rig_translation": [-0.2, 0, 0]}
    rig = {"cameras": [{"image_prefix": "left/", "ref_sensor": True}, {"image_prefix": "right/", **place}]}
    (tmp_path / "rigs.json").write_text(json.dumps([rig]))
    names = ["left/0.jpg", "left/1.jpg", "other.jpg", "right/0.jpg"]
    groups = [
        Intrinsics(tuple(name for name in names if name.startswith(prefix)), camera_id)
        for camera_id, prefix in enumerate(("left/", "right/", "other"), 1)
    ]
    write_database(
        tmp_path / "database.db",
        groups,
        [ImageFile(name, Path(name), 1000, 800) for name in names],
        lambda name: np.zeros((0, 2), np.float32),
        [],
        tmp_path / "rigs.json",
    )

    with pycolmap.Database.open(tmp_path / "database.db") as database:
        frame_of = {image.name: image.frame_id for image in database.read_all_images()}
        rigs = sorted(database.read_all_rigs(), key=lambda rig: rig.num_sensors())
    assert frame_of["left/0.jpg"] == frame_of["right/0.jpg"]
    assert len(set(frame_of.values())) == 3
    assert [rig.num_sensors() for rig in rigs] == [1, 2]
    (place_of_right,) = rigs[1].non_ref_sensors.values()
    np.testing.assert_allclose(place_of_right.translation, [-0.2, 0, 0])


@pytest.fixture
def rig_scene(tmp_path: Path) -> tuple[Path, pycolmap.Reconstruction]:
    """Return the database of a rig of two cameras at eight moments, keypoints 0.3 px off, and the truth."""
    options = pycolmap.SyntheticDatasetOptions(
        num_rigs=1, num_cameras_per_rig=2, num_frames_per_rig=8, num_points3D=300
    )
    options.sensor_from_rig_translation_stddev = 0.3
    pycolmap.set_random_seed(1)
    with pycolmap.Database.open(tmp_path / "rig.db") as database:
        truth = pycolmap.synthesize_dataset(options, database)
        pycolmap.synthesize_noise(pycolmap.SyntheticNoiseOptions(point2D_stddev=0.3), truth, database)
    return tmp_path / "rig.db", truth


def baseline(model: pycolmap.Reconstruction) -> float:
    (rig,) = model.rigs.values()
    (place,) = rig.non_ref_sensors.values()
    return float(np.linalg.norm(place.translation))


def test_a_rig_is_mapped_and_gives_the_model_its_scale(rig_scene: tuple[Path, pycolmap.Reconstruction]) -> None:
    database, truth = rig_scene
    (model,) = IncrementalMapper().map(database, MappingOptions(), ignore)
    assert model.num_reg_images() == 16
    assert has_rigs(model)

    model.transform(pycolmap.Sim3d(2.5, pycolmap.Rotation3d(), np.zeros(3)))
    assert scale_to_rigs(model, database)

    assert baseline(model) == pytest.approx(baseline(truth), rel=0.02)
    extents = [np.ptp([image.projection_center() for image in each.images.values()], axis=0) for each in (model, truth)]
    assert np.linalg.norm(extents[0]) == pytest.approx(np.linalg.norm(extents[1]), rel=0.25)
    assert camera_uncertainties(model) == {}  # pycolmap has none for rigs, and would raise


def test_a_model_without_rigs_stays_as_it_is(synthesize) -> None:
    database, truth = synthesize()

    assert not has_rigs(truth)
    assert not scale_to_rigs(truth, database)
