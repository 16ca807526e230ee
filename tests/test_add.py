"""`recon add`: further photos join a model of which nothing moves, or nothing at all changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest
from PIL import Image

import recon
from recon.adding import add
from recon.cli import main
from recon.core.errors import Cause, ReconError, UsageError
from recon.engine.models import read_model
from recon.evaluation import evaluate, read_truth
from recon.locating import locate
from recon.workspace.atomic import file_digest

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def new_photos(sample_photos: Path, tmp_path: Path) -> Path:
    """Return a folder of two photos beside those of `finished_run`; one name has a space and an é."""
    folder = tmp_path / "new photos"
    folder.mkdir()
    shutil.copy(sample_photos / "0006.jpg", folder / "0006.jpg")
    shutil.copy(sample_photos / "0007.jpg", folder / "neu é 7.jpg")
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a folder with two photos of another place."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("x.png", "y.png"):
        texture = random.integers(0, 255, (60, 80, 3), np.uint8)
        Image.fromarray(texture).resize((800, 600), Image.Resampling.BICUBIC).save(folder / name)
    return folder


def results(folder: Path) -> dict[str, str]:
    """Return the digests of a workspace's results."""
    paths = [folder / "database.db", folder / "points.ply", *folder.glob("sparse/*/*")]
    return {str(path.relative_to(folder)): file_digest(path) for path in paths}


def assert_nothing_moved(before: pycolmap.Reconstruction, after: pycolmap.Reconstruction) -> None:
    for image_id in before.reg_image_ids():
        old, new = before.image(image_id), after.image(image_id)
        assert old.name == new.name
        assert (old.cam_from_world().rotation.quat == new.cam_from_world().rotation.quat).all()
        assert (old.cam_from_world().translation == new.cam_from_world().translation).all()
        assert (old.camera.params == new.camera.params).all()
    for point_id, old in before.points3D.items():
        new = after.point3D(point_id)
        assert (old.xyz == new.xyz).all()
        assert (old.color == new.color).all()
        assert _seen(old) <= _seen(new)


def _seen(point: pycolmap.Point3D) -> set[tuple[int, int]]:
    return {(element.image_id, element.point2D_idx) for element in point.track.elements}


def test_photos_from_elsewhere_join_a_model_of_which_nothing_moves(
    finished_run: Path, new_photos: Path, sample_photos: Path
) -> None:
    before = read_model(finished_run)

    added = recon.add(new_photos, finished_run, threads=1)

    after = read_model(finished_run)
    assert added.registered == ("0006.jpg", "neu é 7.jpg")
    assert added.left_out == ()
    assert added.num_registered == after.num_reg_images() == 8
    assert added.new_points == after.num_points3D() - before.num_points3D() > 20
    assert_nothing_moved(before, after)
    truth = read_truth(sample_photos.parent / "gt.json")
    poses = {**truth.poses, "neu é 7.jpg": truth.poses["0007.jpg"]}
    names = {after.image(image_id).name for image_id in after.reg_image_ids()}
    truth = type(truth)(truth.path, {name: poses[name] for name in sorted(names)})
    assert evaluate(after, truth).auc_deg["1"] > 50
    new = [after.point3D(k).color for k in set(after.point3D_ids()) - set(before.point3D_ids())]
    assert np.mean([color.any() for color in new]) > 0.9


def test_the_database_and_the_manifest_tell_of_the_new_photos(finished_run: Path, new_photos: Path) -> None:
    add(new_photos, finished_run, threads=1)

    with pycolmap.Database.open(finished_run / "database.db") as database:
        images = {image.name: image for image in database.read_all_images()}
        assert database.num_cameras() == 1
        assert database.num_keypoints_for_image(images["neu é 7.jpg"].image_id) > 100
    manifest = json.loads((finished_run / "recon.json").read_text("utf-8"))
    assert [each["image"] for each in manifest["added"]] == ["0006.jpg", "neu é 7.jpg"]
    assert all(each["registered"] and Path(each["file"]).is_file() for each in manifest["added"])
    assert manifest["summary"]["registered"] == manifest["summary"]["images"] == 8
    assert manifest["state"] == "finished"


def test_the_same_photos_again_are_nothing_to_do(finished_run: Path, new_photos: Path) -> None:
    add(new_photos, finished_run, threads=1)
    before = results(finished_run)

    again = add([new_photos / "0006.jpg", new_photos], finished_run, threads=1)

    assert again.registered == ()
    assert again.known == ("0006.jpg", "neu é 7.jpg")
    assert results(finished_run) == before


def test_a_photo_of_another_camera_brings_its_own(finished_run: Path, new_photos: Path) -> None:
    with Image.open(new_photos / "0006.jpg") as photo:
        photo.resize((768, 576)).save(new_photos / "small.png")
    (new_photos / "0006.jpg").unlink()
    before = read_model(finished_run)

    added = add(new_photos, finished_run, threads=1)

    after = read_model(finished_run)
    assert added.registered == ("neu é 7.jpg", "small.png")
    assert_nothing_moved(before, after)
    small = next(after.image(k) for k in after.reg_image_ids() if after.image(k).name == "small.png")
    assert (small.camera.width, small.camera.height) == (768, 576)
    assert abs(small.camera.mean_focal_length() - 0.75 * before.camera(1).mean_focal_length()) < 40


def test_photos_of_another_place_change_nothing(finished_run: Path, elsewhere: Path) -> None:
    before = results(finished_run)
    told = json.loads((finished_run / "recon.json").read_text("utf-8"))

    with pytest.raises(ReconError, match="none of the 2 photos fits the model") as caught:
        add(elsewhere, finished_run, threads=1)

    assert caught.value.exit_status == 1
    assert results(finished_run) == before
    now = json.loads((finished_run / "recon.json").read_text("utf-8"))
    assert {key: now[key] for key in ("summary", "stages", "state", "added")} == {
        key: told[key] for key in ("summary", "stages", "state", "added")
    }


def test_what_does_not_fit_is_left_out_with_its_cause(
    finished_run: Path, new_photos: Path, elsewhere: Path, six_photos: Path
) -> None:
    shutil.copy(elsewhere / "x.png", new_photos)
    shutil.copy(six_photos / "0002.jpg", new_photos / "copy.jpg")
    (new_photos / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    Image.new("L", (640, 480), 128).save(new_photos / "blank.png")

    added = add(new_photos, finished_run, threads=1)

    assert added.registered == ("0006.jpg", "neu é 7.jpg")
    causes = {each.image: each.cause for each in added.left_out}
    assert causes.pop("x.png") in (Cause.NO_MATCHES, Cause.NO_VERIFIED_GEOMETRY)
    assert causes == {
        "blank.png": Cause.FEW_KEYPOINTS,
        "broken.jpg": Cause.UNREADABLE,
        "copy.jpg": Cause.SAME_PICTURE,
    }


def test_another_photo_of_the_same_name_is_refused(finished_run: Path, new_photos: Path) -> None:
    (new_photos / "0006.jpg").rename(new_photos / "0003.jpg")
    before = results(finished_run)

    with pytest.raises(UsageError, match=r"'0003\.jpg' cannot keep its name"):
        add(new_photos, finished_run, threads=1)

    assert results(finished_run) == before


@pytest.mark.slow
def test_photos_put_into_the_runs_own_folder_are_told_from_the_old_ones(
    six_photos: Path, sample_photos: Path, tmp_path: Path, run_cli: Run
) -> None:
    photos = Path(shutil.copytree(six_photos, tmp_path / "photos"))
    out = tmp_path / "out"
    assert run_cli(out, "--threads", "1", photos=photos)[0] == 0
    (photos / "later").mkdir()
    shutil.copy(sample_photos / "0006.jpg", photos / "later" / "0006.jpg")

    from_all = add(photos, out, threads=1)
    from_file = add(photos / "later" / "0006.jpg", out, threads=1)

    assert from_all.registered == ("later/0006.jpg",)
    assert from_file.known == ("later/0006.jpg",)
    status, told = run_cli(out, "--threads", "1", photos=photos)
    assert status == 2
    assert told["error"]["code"] == "would_lose_photos"


def test_a_run_of_the_same_photos_keeps_the_larger_model(
    finished_run: Path, new_photos: Path, run_cli: Run, six_photos: Path
) -> None:
    add(new_photos, finished_run, threads=1)
    before = results(finished_run)

    status, told = run_cli(finished_run, "--threads", "1")

    assert status == 0
    assert (told["registered"], told["images"]) == (8, 8)
    assert results(finished_run) == before


def test_a_run_that_would_lose_the_new_photos_is_refused(finished_run: Path, new_photos: Path, run_cli: Run) -> None:
    add(new_photos, finished_run, threads=1)
    before = results(finished_run)

    status, told = run_cli(finished_run, "--threads", "1", "--set", "nearest.ratio=0.7")

    assert status == 2
    assert told["error"]["code"] == "would_lose_photos"
    assert "--fresh" in told["error"]["try"]
    assert results(finished_run) == before


def test_a_photo_that_was_added_helps_to_locate_the_next(
    finished_run: Path, new_photos: Path, sample_photos: Path
) -> None:
    add(new_photos, finished_run, threads=1)

    location = locate(finished_run, sample_photos / "0008.jpg", threads=1)

    assert "neu é 7.jpg" in {neighbour.image for neighbour in location.neighbours}


@pytest.mark.parametrize("step", ["write_models", "write_ply", "record_added"])
def test_a_command_that_was_killed_while_writing_is_finished_by_the_same_one(
    finished_run: Path, new_photos: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """After the database, after the models, before the manifest: each leaves what the next command completes."""
    before = read_model(finished_run)
    homes = {
        "write_models": "recon.engine.models",
        "write_ply": "recon.output.ply",
        "record_added": "recon.newcomers.joining",
    }

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"{homes[step]}.{step}", die)
        with pytest.raises(KeyboardInterrupt):
            add(new_photos, finished_run, threads=1)
    add(new_photos, finished_run, threads=1)

    after = read_model(finished_run)
    assert after.num_reg_images() == 8
    assert_nothing_moved(before, after)
    manifest = json.loads((finished_run / "recon.json").read_text("utf-8"))
    assert [each["registered"] for each in manifest["added"]] == [True, True]
    assert manifest["summary"]["registered"] == 8


def test_the_command_speaks_to_people_and_to_programs(
    finished_run: Path, new_photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["add", str(new_photos / "0006.jpg"), str(finished_run), "--threads", "1"])
    lines = capsys.readouterr().out.splitlines()
    again = main(["add", str(new_photos), str(finished_run), "--threads", "1", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert status == again == 0
    assert lines[0] == "added     1 photo: 0006.jpg"
    assert told["added"] == ["neu é 7.jpg"]
    assert told["known"] == ["0006.jpg"]
    assert told["registered"] == 8


@pytest.mark.parametrize(
    ("photos", "out", "options", "status", "code"),
    [
        ("gone", "out", (), 2, "missing_file"),
        ("empty", "out", (), 1, "no_photos"),
        ("broken", "out", (), 1, "no_usable_photo"),
        ("new", "gone", (), 2, "missing_file"),
        ("new", "empty", (), 2, "not_a_workspace"),
        ("new", "out/sparse/0", (), 2, "not_a_workspace"),
        ("new", "no-model", (), 2, "not_a_workspace"),
        ("new", "out", ("--camera-params", "1,2"), 2, "bad_value"),
        ("new", "out", ("--old-photos", "empty"), 2, "missing_file"),
    ],
)
def test_bad_input_is_told_of_and_changes_nothing(
    finished_run: Path,
    sample_photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photos: str,
    out: str,
    options: tuple[str, ...],
    status: int,
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "broken", "new"):
        Path(name).mkdir()
    Path("broken/a.jpg").write_text("no photo")
    shutil.copy(sample_photos / "0006.jpg", "new")
    finished_run.rename("out")
    shutil.copytree("out", "no-model", ignore=shutil.ignore_patterns("sparse", ".cache"))
    before = results(tmp_path / "out")

    found = main(["add", photos, out, *options, "--json", "--threads", "1"])

    told = json.loads(capsys.readouterr().out)
    assert (found, told["error"]["code"]) == (status, code)
    assert told["error"]["try"]
    assert results(tmp_path / "out") == before
    assert not list(Path("empty").iterdir())
