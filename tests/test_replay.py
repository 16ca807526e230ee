"""A run repeated from its recon.json gives the same model, and what keeps it from doing so is named."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pycolmap
import pytest

from recon.cli import main
from recon.repeating.manifests import Difference, manifest_differences
from recon.repeating.models import MOST_CENTER_SHARE, MOST_ROTATION_DEG, compare_models
from recon.workspace.manifest import read_manifest


@pytest.fixture
def replay(finished_run: Path, tmp_path: Path):
    """Return a function that replays `finished_run` and returns the exit status and the JSON."""

    def run(*options: str) -> tuple[int, dict]:
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout):
            status = main(["replay", str(finished_run), "-o", str(tmp_path / "again"), *options, "--json"])
        return status, json.loads(stdout.getvalue())

    return run


@pytest.fixture
def change_manifest(finished_run: Path):
    """Return a function that changes fields of the manifest of `finished_run`."""

    def change(**fields) -> None:
        path = finished_run / "recon.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return change


def test_one_thread_gives_the_same_bytes(replay, finished_run: Path, tmp_path: Path):
    status, told = replay()

    assert status == 0
    assert told["same"]
    assert told["identical"]
    assert told["promise"] == "bytes"
    assert told["differences"] == []
    assert told["other_files"] == []
    assert told["model"]["registered"] == [6, 6]
    assert told["model"]["rotation_deg"] < 1e-4
    for file in ("sparse/0/images.bin", "sparse/0/points3D.bin", "points.ply"):
        assert (tmp_path / "again" / file).read_bytes() == (finished_run / file).read_bytes()


def test_the_command_it_prints_gives_the_same_bytes(replay, finished_run: Path, tmp_path: Path):
    """It is short: options that are as they would be anyway are not in it."""
    _, told = replay()
    words = shlex.split(told["command"])
    assert words[:2] == ["recon", "run"]
    assert len(words) < 25
    words[words.index("-o") + 1] = str(tmp_path / "typed")

    assert main(words[1:]) == 0

    file = Path("sparse/0/images.bin")
    assert (tmp_path / "typed" / file).read_bytes() == (finished_run / file).read_bytes()


def test_a_changed_model_is_told_from_the_one_of_the_run(replay, finished_run: Path):
    model = pycolmap.Reconstruction(str(finished_run / "sparse" / "0"))
    model.deregister_frame(model.image(sorted(model.reg_image_ids())[0]).frame_id)
    model.write_binary(str(finished_run / "sparse" / "0"))

    status, told = replay()

    assert status == 1
    assert not told["same"]
    assert told["model"]["registered"] == [5, 6]
    assert len(told["model"]["only_now"]) == 1
    assert "sparse/0/images.bin" in told["other_files"]


def test_another_version_is_named(replay, change_manifest, finished_run: Path):
    versions = json.loads((finished_run / "recon.json").read_text())["versions"]
    change_manifest(versions={**versions, "numpy": "1.0"})

    _, told = replay()

    (difference,) = told["differences"]
    assert (difference["what"], difference["then"], difference["now"]) == ("versions.numpy", "1.0", versions["numpy"])


@pytest.mark.slow
def test_it_goes_on_with_what_is_there_and_replaces_no_other_run(replay, run_cli, tmp_path: Path):
    run_cli(tmp_path / "again", "--seed", "4")

    status, told = replay()
    assert status == 2
    assert told["error"]["code"] == "not_a_workspace"

    assert replay("--fresh")[0] == 0
    assert replay()[0] == 0  # nothing to do


def test_photos_that_have_moved_are_asked_for(replay, change_manifest, six_photos: Path, tmp_path: Path):
    change_manifest(photos=str(tmp_path / "gone"))

    status, told = replay()
    assert status == 2
    assert told["error"]["code"] == "missing_file"
    assert "--photos" in told["error"]["try"]

    assert replay("--photos", str(six_photos))[0] == 0


def test_photos_that_have_changed_are_named(replay, six_photos: Path, tmp_path: Path):
    photos = Path(shutil.copytree(six_photos, tmp_path / "photos"))
    names = sorted(path.name for path in photos.iterdir())
    (photos / names[0]).unlink()
    with (photos / names[1]).open("ab") as stream:
        stream.write(b"\0")
    shutil.copy(photos / names[2], photos / "new.jpg")

    status, told = replay("--photos", str(photos))

    assert status == 1
    assert told["error"]["code"] == "photos_changed"
    for part in (f"1 gone ({names[0]})", f"1 changed ({names[1]})", "1 added (new.jpg)"):
        assert part in told["error"]["message"]


def test_a_plugin_that_is_missing_is_named(replay, change_manifest, finished_run: Path):
    plan = json.loads((finished_run / "recon.json").read_text())["plan"]
    options = {("extractor:gone" if name == "extractor:sift" else name): v for name, v in plan["options"].items()}
    change_manifest(plan={**plan, "extractor": "gone", "options": options})

    status, told = replay()

    assert status == 2
    assert told["error"]["code"] == "unknown_plugin"
    assert "gone" in told["error"]["message"]


def test_weights_that_are_missing_are_not_downloaded_again(
    replay, change_manifest, finished_run: Path, monkeypatch, tmp_path
):
    monkeypatch.setenv("RECON_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("recon.weights.cache_dir", lambda: tmp_path / "cache")
    plan = json.loads((finished_run / "recon.json").read_text())["plan"]
    change_manifest(
        plan={**plan, "extractor": "xfeat", "options": {**plan["options"], "extractor:xfeat": {}}},
        weights={"xfeat.pt": "0" * 64},
    )

    status, told = replay()

    assert status == 1
    assert told["error"]["code"] == "missing_weights"
    assert "recon weights get xfeat" in told["error"]["try"]


def test_what_is_no_finished_run_is_refused(replay, change_manifest, finished_run: Path, tmp_path: Path):
    change_manifest(state="interrupted")
    assert replay()[1]["error"]["code"] == "not_a_workspace"

    change_manifest(state="finished", format=99)
    status, told = replay()
    assert status == 2
    assert "newer recon" in told["error"]["message"]

    (finished_run / "recon.json").unlink()
    assert replay()[0] == 2


def test_the_run_itself_is_not_overwritten(replay, finished_run: Path):
    before = (finished_run / "recon.json").read_bytes()

    status, _ = replay("-o", str(finished_run))

    assert status == 2
    assert (finished_run / "recon.json").read_bytes() == before


def moved(model: pycolmap.Reconstruction, degrees: float, shift: float) -> pycolmap.Reconstruction:
    """Return the model in another frame, with one photo turned, and moved by a part of the scene."""
    angle = np.radians(70)
    turn = pycolmap.Rotation3d(np.array([0, 0, angle]))
    changed = pycolmap.Reconstruction(model)
    centers = np.array([model.image(number).projection_center() for number in model.reg_image_ids()])
    image = changed.image(sorted(model.reg_image_ids())[0])
    pose = image.cam_from_world()
    turned = pycolmap.Rotation3d(np.array([0, np.radians(degrees), 0])) * pose.rotation
    center = image.projection_center() + np.array([0, 0, shift * np.linalg.norm(np.ptp(centers, axis=0))])
    changed.frame(image.frame_id).set_cam_from_world(
        image.camera_id, pycolmap.Rigid3d(turned, -turned.matrix() @ center)
    )
    changed.transform(pycolmap.Sim3d(3.0, turn, np.array([5.0, -2.0, 1.0])))
    return changed


@pytest.mark.parametrize(
    ("degrees", "shift", "is_near"), [(0, 0, True), (0.03, 0, True), (0.1, 0, False), (0, 3e-3, False)]
)
def test_models_are_compared_in_one_frame(synthetic_model, degrees, shift, is_near):
    model = synthetic_model()

    found = compare_models(model, moved(model, degrees, shift))

    assert found.is_within_tolerance is is_near
    assert found.rotation_deg == pytest.approx(degrees, rel=0.3, abs=1e-4)
    assert found.center_share == pytest.approx(shift, rel=0.3, abs=2e-4)  # the frame turns with the photo, a little
    assert MOST_ROTATION_DEG == 0.05
    assert MOST_CENTER_SHARE == 0.001


def test_only_what_differs_of_two_manifests_is_named(finished_run: Path):
    manifest = read_manifest(finished_run / "recon.json")
    other = replace(manifest, plan={**manifest.plan, "camera": {**manifest.plan["camera"], "model": "OPENCV"}})

    assert manifest_differences(manifest, manifest) == []
    assert manifest_differences(manifest, other) == [Difference("plan.camera.model", None, "OPENCV")]
