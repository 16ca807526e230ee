"""The global engine runs beside this process: it can be stopped, and says what went wrong."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.core.errors import Cause, ReconError
from recon.core.events import ImageRegistered, ModelDone, Warned, ignore
from recon.engine import global_mapper
from recon.engine.global_mapper import GlobalMapper


def test_noisy_photos_find_their_poses(synthesize, pose_errors_deg):
    path, truth = synthesize(images=12, points=300, noise_px=0.5)

    (model,) = GlobalMapper().map(path, MappingOptions(), ignore)

    assert model.num_reg_images() == 12
    assert pose_errors_deg(model, truth).max() < 0.1


def test_a_camera_that_is_fixed_stays_and_another_is_refined(synthesize):
    path, truth = synthesize(images=12, cameras=2)
    with pycolmap.Database.open(path) as database:
        for camera in database.read_all_cameras():
            camera.focal_length *= 1.005
            database.update_camera(camera)
        given = database.read_camera(1).params

    (model,) = GlobalMapper().map(path, MappingOptions(fixed_camera_ids=frozenset({1})), ignore)

    assert np.array_equal(model.camera(1).params, given)
    assert not np.array_equal(model.camera(2).params, truth.camera(2).params * [1.005, 1, 1, 1])


def test_a_stop_ends_the_process_at_once(synthesize, monkeypatch):
    path, _ = synthesize(images=8)
    asked, started = [], []

    def should_stop():
        asked.append(True)
        return len(asked) > 1

    class Watched(global_mapper.subprocess.Popen):
        def __init__(self, *args, **how):
            super().__init__(*args, **how)
            started.append(self)

    monkeypatch.setattr(global_mapper.subprocess, "Popen", Watched)

    assert GlobalMapper().map(path, MappingOptions(should_stop=should_stop), ignore) == []
    assert started[0].returncode not in (None, 0)


def test_a_failure_of_the_pipeline_is_a_warning_and_no_model(synthesize, monkeypatch):
    path, _ = synthesize(images=8)
    monkeypatch.setattr(global_mapper.sys, "executable", "/bin/false")
    events = []

    assert GlobalMapper().map(path, MappingOptions(), events.append) == []
    assert any("global mapping failed" in event.message for event in events if isinstance(event, Warned))


def test_every_photo_and_the_model_are_announced(synthesize):
    path, _ = synthesize(images=6)
    events = []

    GlobalMapper().map(path, MappingOptions(), events.append)

    assert len({event.name for event in events if isinstance(event, ImageRegistered)}) == 6
    assert [event.images for event in events if isinstance(event, ModelDone)] == [6]


def test_a_damaged_database_is_named(tmp_path):
    path = tmp_path / "database.db"
    path.write_text("no database")

    with pytest.raises(ReconError) as caught:
        GlobalMapper().map(path, MappingOptions(), ignore)

    assert caught.value.code is Cause.CORRUPT_FILE
