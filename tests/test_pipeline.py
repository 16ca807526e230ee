"""The Python API: photos in, a typed result out, every stage's result readable where the design says it lies."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pycolmap
import pytest

import recon
from recon.core.errors import Cause, Interrupted, UsageError
from recon.core.events import Event, ImageDone, ImageRegistered, ModelDone, PairDone, RunFinished, RunStarted, Warned

SMALL = {"max_size": 400, "max_keypoints": 800}


def test_photos_become_a_model(six_photos: Path, tmp_path: Path) -> None:
    result = recon.reconstruct(six_photos, tmp_path / "out", **SMALL)

    assert isinstance(result, recon.ReconstructionResult)
    assert result.model is not None
    assert result.model.num_reg_images() == result.summary["registered"] == 6
    assert result.left_out == ()
    assert result.summary["mean_reprojection_error_px"] < 1
    assert result.workspace == tmp_path / "out"


def test_the_workspace_is_what_colmap_reads(finished_run: Path) -> None:
    model = pycolmap.Reconstruction(finished_run / "sparse" / "0")
    with pycolmap.Database.open(finished_run / "database.db") as database:
        images = {image.image_id: image.name for image in database.read_all_images()}
        keypoints = {name: database.read_keypoints(image_id) for image_id, name in images.items()}

    assert sorted(images.values()) == [f"{number:04d}.jpg" for number in range(6)]
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        assert images[image_id] == image.name
        positions = np.array([point.xy for point in image.points2D])
        np.testing.assert_allclose(positions, keypoints[image.name][:, :2], atol=1e-3)


def test_keypoints_are_in_full_size_pixels(finished_run: Path) -> None:
    """The extractor saw 400 px of 1024."""
    with sqlite3.connect(finished_run / "database.db") as database:
        rows = database.execute("SELECT data, rows, cols FROM keypoints").fetchall()
    furthest = max(np.frombuffer(data, np.float32).reshape(num, width)[:, 0].max() for data, num, width in rows)

    assert 900 < furthest <= 1024


def test_points_have_the_colours_of_the_photos(finished_run: Path) -> None:
    model = pycolmap.Reconstruction(finished_run / "sparse" / "0")
    colours = np.array([point.color for point in model.points3D.values()])

    assert colours.std(axis=0).min() > 5
    assert (finished_run / "points.ply").read_bytes().startswith(b"ply\n")


def test_events_tell_the_story_in_order(six_photos: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    recon.reconstruct(six_photos, tmp_path / "out", **SMALL, observers=[events.append])
    kinds = [type(event) for event in events]

    assert kinds[-1] is RunFinished
    assert kinds.count(ImageDone) == 6
    assert kinds.count(PairDone) == 15
    assert kinds.count(ImageRegistered) >= 4
    order = [kinds.index(kind) for kind in (RunStarted, ImageDone, PairDone, ImageRegistered, ModelDone, RunFinished)]
    assert order == sorted(order)


def test_an_observer_that_fails_is_reported_once_and_the_run_goes_on(six_photos: Path, tmp_path: Path) -> None:
    events: list[Event] = []

    def broken(event: Event) -> None:
        raise ZeroDivisionError("in the observer")

    result = recon.reconstruct(six_photos, tmp_path / "out", **SMALL, observers=[broken, events.append])

    assert result.model is not None
    warnings = [event for event in events if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "in the observer" in warnings[0].message


def test_no_model_is_a_result_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()

    result = recon.reconstruct(tmp_path / "photos", tmp_path / "out")

    assert (result.model, len(result.models)) == (None, 0)
    assert result.summary["error"]["code"] == Cause.NO_PHOTOS
    assert result.summary["model"] is None


def test_a_request_to_stop_ends_the_run_after_what_was_begun(six_photos: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    stop = lambda: any(isinstance(event, PairDone) for event in events)  # noqa: E731

    with pytest.raises(Interrupted):
        recon.reconstruct(six_photos, tmp_path / "out", **SMALL, observers=[events.append], should_stop=stop)
    events.clear()
    result = recon.reconstruct(six_photos, tmp_path / "out", **SMALL, observers=[events.append])

    assert result.model is not None
    assert all(event.cached for event in events if isinstance(event, ImageDone))
    assert any(event.cached for event in events if isinstance(event, PairDone))


def test_a_stop_while_mapping_leaves_the_best_model_so_far(six_photos: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    stop = lambda: any(isinstance(event, ImageRegistered) and event.registered >= 4 for event in events)  # noqa: E731

    with pytest.raises(Interrupted):
        recon.reconstruct(six_photos, tmp_path / "out", **SMALL, observers=[events.append], should_stop=stop)

    assert 3 <= pycolmap.Reconstruction(tmp_path / "out" / "sparse" / "0").num_reg_images() <= 6
    result = recon.reconstruct(six_photos, tmp_path / "out", **SMALL)
    assert result.summary["registered"] == 6


def test_options_of_plugins_are_set_by_name(six_photos: Path, tmp_path: Path) -> None:
    for settings in ({"sift.max_keypoints": 50}, ["sift.max_keypoints=50"]):
        result = recon.reconstruct(six_photos, tmp_path / "out", **SMALL, settings=settings)
        assert result.summary["plan"]["options"]["extractor:sift"]["max_keypoints"] == 50


@pytest.mark.parametrize(
    "wrong",
    [
        {"extractor": "sfit"},
        {"settings": {"sift.max_keypoint": 5}},
        {"camera_grouping": "all"},
        {"camera_model": "FISHEYED"},
        {"image_list": ["missing.jpg"]},
        {"pairs_file": "missing.txt"},
    ],
)
def test_misuse_raises_before_any_work(wrong, six_photos: Path, tmp_path: Path) -> None:
    events: list[Event] = []

    with pytest.raises(UsageError):
        recon.reconstruct(six_photos, tmp_path / "out", **SMALL, **wrong, observers=[events.append])

    assert not any(isinstance(event, ImageDone) for event in events)


def test_the_default_output_is_named_after_the_photos(
    six_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = recon.reconstruct(six_photos, **SMALL, image_list=["0000.jpg"])

    assert result.workspace == Path("photos-recon")
    assert (tmp_path / "photos-recon" / "recon.json").is_file()


def test_given_intrinsics_stay_as_they_are(six_photos: Path, tmp_path: Path) -> None:
    params = (830.0, 512.0, 384.0, 0.0)
    result = recon.reconstruct(
        six_photos, tmp_path / "out", **SMALL, camera_model="SIMPLE_RADIAL", camera_params=params
    )

    assert result.model is not None
    (camera,) = result.model.cameras.values()
    assert tuple(camera.params) == params
