"""`recon locate`: a photo finds its place in a model that stays as it is, or is told why not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import recon
from recon.cli import main
from recon.core.errors import Cause, ReconError
from recon.core.events import PairDone
from recon.engine.models import read_model
from recon.evaluation import Truth, read_truth
from recon.locating import Location, locate
from recon.workspace.atomic import file_digest

PAIRWISE = """
from dataclasses import dataclass
import numpy as np
import recon

@dataclass(frozen=True)
class Options:
    ratio: float = 0.8

class Pairwise:
    def match_images(self, image1, image2):
        import cv2
        found = []
        for image in (image1, image2):
            grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
            keypoints, rows = cv2.SIFT_create(600).detectAndCompute(grey, None)
            found.append((np.array([k.pt for k in keypoints], np.float32).reshape(-1, 2) + 0.5, rows))
        (xy1, rows1), (xy2, rows2) = found
        good = [one for one, two in cv2.BFMatcher().knnMatch(rows1, rows2, k=2) if one.distance < 0.8 * two.distance]
        places = xy1[[g.queryIdx for g in good]], xy2[[g.trainIdx for g in good]]
        return recon.PairPositions(*places, np.ones(len(good), np.float32))

@recon.hookimpl
def recon_image_matchers():
    return [recon.ComponentSpec("pairwise", "By pairs", Options, lambda o, c: Pairwise(), "MIT", thread_safe=True)]
"""
"""A matcher that sees pixels, as a plugin in one file: SIFT in both photos of a pair."""

HELD_OUT = "0006.jpg"
"""The neighbour of the six photos of `finished_run`."""


@pytest.fixture(scope="module")
def truth(sample_photos: Path) -> Truth:
    return read_truth(sample_photos.parent / "gt.json")


def files(folder: Path) -> dict[str, str]:
    """Return the digests of what a workspace holds, but for its cache and lock."""
    found = (path for path in folder.rglob("*") if path.is_file())
    kept = (path for path in found if ".cache" not in path.parts and path.name != ".recon.lock")
    return {str(path.relative_to(folder)): file_digest(path) for path in kept}


def turn_deg(matrix: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))))


def errors(location: Location, workspace: Path, truth: Truth, name: str) -> tuple[float, float]:
    """Return the angle between a pose and the truth, degrees, and the part of its distance from the others' middle
    that its centre is off, in the frame that fits the model's photos best."""
    model = read_model(workspace)
    images = [model.image(image_id) for image_id in model.reg_image_ids()]
    turns = sum(truth.poses[i.name].rotation.T @ i.cam_from_world().rotation.matrix() for i in images)
    left, _, right = np.linalg.svd(turns)
    world = left @ right
    true = truth.poses[name]
    centers = np.array([image.projection_center() for image in images])
    true_centers = np.array([truth.poses[image.name].center for image in images])
    scale = true_centers.std(axis=0).sum() / (centers @ world.T).std(axis=0).sum()
    placed = true_centers.mean(0) + scale * (location.center - centers.mean(0)) @ world.T
    angle = turn_deg(location.cam_from_world.rotation.matrix() @ world.T @ true.rotation.T)
    return angle, float(np.linalg.norm(placed - true.center) / np.linalg.norm(true.center - true_centers.mean(0)))


def test_a_photo_that_the_run_never_saw_is_located(finished_run: Path, sample_photos: Path, truth: Truth) -> None:
    before = files(finished_run)

    location = recon.locate(finished_run, sample_photos / HELD_OUT, threads=1)

    angle, off = errors(location, finished_run, truth, HELD_OUT)
    assert angle < 0.5
    assert off < 0.02
    assert location.camera_source == "camera 1 of the model"
    assert location.inlier_ratio > 0.5
    assert location.neighbours[0].image in ("0004.jpg", "0005.jpg")
    assert location.rotation_std_deg < 0.5
    assert len(location.inlier_xy) == location.inliers
    assert files(finished_run) == before


def test_a_photo_of_the_model_is_located_by_the_others(finished_run: Path, six_photos: Path) -> None:
    model = read_model(finished_run)
    image = next(model.image(k) for k in model.reg_image_ids() if model.image(k).name == "0002.jpg")

    location = locate(finished_run, six_photos / "0002.jpg", threads=1)

    turn = location.cam_from_world.rotation.matrix() @ image.cam_from_world().rotation.matrix().T
    assert turn_deg(turn) < 0.3
    assert all(neighbour.distance > 0.01 for neighbour in location.neighbours if neighbour.image != "0002.jpg")


def test_another_camera_is_estimated_with_the_pose(
    finished_run: Path, sample_photos: Path, truth: Truth, tmp_path: Path
) -> None:
    """A smaller copy without EXIF: its focal length shrinks with it."""
    copy = tmp_path / "kleiner é.png"
    with Image.open(sample_photos / HELD_OUT) as photo:
        photo.resize((768, 576)).save(copy)

    location = locate(finished_run, copy, threads=1)

    known = read_model(finished_run).camera(1)
    assert abs(location.camera.mean_focal_length() - 0.75 * known.mean_focal_length()) < 30
    assert location.camera_source == "a guess, refined"
    assert errors(location, finished_run, truth, HELD_OUT)[0] < 1.5


def test_given_intrinsics_stay(finished_run: Path, sample_photos: Path) -> None:
    params = (822.0, 822.0, 514.0, 382.0)

    location = locate(finished_run, sample_photos / HELD_OUT, camera_model="PINHOLE", camera_params=params, threads=1)

    assert tuple(location.camera.params) == params
    assert location.camera_source == "given"


def test_another_place_is_not_found(finished_run: Path, tmp_path: Path) -> None:
    texture = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    Image.fromarray(texture).resize((800, 600), Image.Resampling.BICUBIC).save(tmp_path / "elsewhere.png")
    before = files(finished_run)

    with pytest.raises(ReconError) as caught:
        locate(finished_run, tmp_path / "elsewhere.png", threads=1)

    assert caught.value.code in (Cause.NO_MATCHES, Cause.NO_VERIFIED_GEOMETRY, Cause.POSE_REJECTED)
    assert caught.value.exit_status == 1
    assert "elsewhere.png was not located" in caught.value.message
    assert files(finished_run) == before


def test_in_a_large_set_a_photo_is_compared_with_those_that_look_like_it(
    finished_run: Path, sample_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.newcomers.pairs.COMPARE_WITH_ALL", 4)
    pairs: list[object] = []

    location = locate(
        finished_run,
        sample_photos / HELD_OUT,
        threads=1,
        observers=[lambda event: pairs.append(event) if isinstance(event, PairDone) else None],
    )

    assert location.inliers > 50
    assert 0 < len(pairs) <= 6


@pytest.fixture
def by_pixels(six_photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path]:
    """Return the workspace of a run whose matcher sees pixels, and the folder of that plugin."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "pairwise.py").write_text(PAIRWISE, "utf-8")
    out = tmp_path / "by-pixels"
    options = ("--matcher", "pairwise", "--max-size", "600", "--plugins-dir", str(plugins), "--threads", "1")
    assert main(["run", str(six_photos), "-o", str(out), *options]) == 0
    capsys.readouterr()
    return out, plugins


@pytest.mark.slow
def test_where_the_matcher_sees_pixels_a_photo_is_located_and_added_too(
    by_pixels: tuple[Path, Path], sample_photos: Path, truth: Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plugins = by_pixels
    common = ("--plugins-dir", str(plugins), "--threads", "1", "--json")

    assert main(["locate", str(out), str(sample_photos / HELD_OUT), *common]) == 0
    located = json.loads(capsys.readouterr().out)
    assert main(["add", str(sample_photos / HELD_OUT), str(out), *common]) == 0
    added = json.loads(capsys.readouterr().out)

    assert located["inliers"] >= 20
    assert added["added"] == [HELD_OUT]
    model = read_model(out)
    image = next(model.image(k) for k in model.reg_image_ids() if model.image(k).name == HELD_OUT)
    assert np.linalg.norm(image.projection_center() - located["center"]) < 0.1 * located["nearest"][0]["distance"]


def test_a_blank_photo_says_that_it_shows_nothing(finished_run: Path, tmp_path: Path) -> None:
    Image.new("L", (640, 480), 128).save(tmp_path / "blank.png")

    with pytest.raises(ReconError) as caught:
        locate(finished_run, tmp_path / "blank.png", threads=1)

    assert caught.value.code is Cause.FEW_KEYPOINTS


def test_photos_that_moved_are_named_anew(finished_run: Path, six_photos: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(six_photos, tmp_path / "moved photos"))
    manifest = json.loads((finished_run / "recon.json").read_text("utf-8"))
    manifest["photos"] = str(tmp_path / "gone")
    (finished_run / "recon.json").write_text(json.dumps(manifest), "utf-8")

    with pytest.raises(ReconError, match=r"not in .*gone") as caught:
        locate(finished_run, six_photos / "0002.jpg", threads=1)
    location = locate(finished_run, six_photos / "0002.jpg", photos=moved, threads=1)

    assert "--photos" in str(caught.value.try_)
    assert location.inliers > 50


def test_a_photo_that_was_exchanged_is_not_matched_by_its_old_points(
    finished_run: Path, sample_photos: Path, six_photos: Path, tmp_path: Path
) -> None:
    """Its features have other rows than the model's: matches to them would lead to wrong points."""
    photos = Path(shutil.copytree(six_photos, tmp_path / "photos"))
    shutil.copy(sample_photos / "0012.jpg", photos / "0005.jpg")
    warnings: list[str] = []

    location = locate(
        finished_run,
        sample_photos / HELD_OUT,
        photos=photos,
        threads=1,
        observers=[lambda event: warnings.append(getattr(event, "message", ""))],
    )

    assert any("1 photos changed" in message for message in warnings)
    assert location.inlier_ratio > 0.5


def called(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    status = main(["locate", *map(str, arguments), "--json", "--threads", "1"])
    return status, json.loads(capsys.readouterr().out)


def test_the_command_prints_one_object(
    finished_run: Path, sample_photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "located.png"

    status, told = called(finished_run, sample_photos / HELD_OUT, "--picture", picture, capsys=capsys)

    assert status == 0
    assert told["located"] is True
    rotation = np.array(told["cam_from_world"]["quaternion_wxyz"])
    assert abs(np.linalg.norm(rotation) - 1) < 1e-9
    assert np.array(told["covariance"]).shape == (6, 6)
    assert told["inliers"] == round(told["inlier_ratio"] * told["correspondences"])
    with Image.open(picture) as drawn:
        assert drawn.size[0] > 500


def test_the_command_speaks_to_people(
    finished_run: Path, sample_photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["locate", str(finished_run), str(sample_photos / HELD_OUT), "--threads", "1"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines[:7]] == [
        "centre",
        "rotation",
        "t",
        "inliers",
        "camera",
        "scale",
        "nearest",
    ]


@pytest.mark.parametrize(
    ("out", "photo", "options", "status", "code"),
    [
        ("gone", "new.jpg", (), 2, "missing_file"),
        ("empty", "new.jpg", (), 2, "not_a_workspace"),
        ("out/sparse/0", "new.jpg", (), 2, "not_a_workspace"),
        ("out", "gone.jpg", (), 2, "missing_file"),
        ("out", "empty", (), 2, "missing_file"),
        ("out", "text.jpg", (), 1, "unreadable"),
        ("out", "cut.jpg", (), 1, "unreadable"),
        ("out", "new.jpg", ("--camera-params", "1,2,3"), 2, "bad_value"),
        ("out", "new.jpg", ("--camera-model", "NOSUCH"), 2, "bad_value"),
        ("out", "new.jpg", ("--photos", "gone"), 2, "missing_file"),
        ("no-database", "new.jpg", (), 1, "corrupt_file"),
        ("no-model", "new.jpg", (), 2, "not_a_workspace"),
    ],
)
def test_bad_input_is_told_of(
    finished_run: Path,
    sample_photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: str,
    photo: str,
    options: tuple[str, ...],
    status: int,
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    finished_run.rename(tmp_path / "out")
    for name, lost in (("no-database", "database.db"), ("no-model", "sparse")):
        shutil.copytree(tmp_path / "out", tmp_path / name, ignore=shutil.ignore_patterns(lost, ".cache"))
    shutil.copy(sample_photos / HELD_OUT, "new.jpg")
    Path("text.jpg").write_text("no photo")
    Path("cut.jpg").write_bytes((sample_photos / HELD_OUT).read_bytes()[:5000])

    found, told = called(out, photo, *options, capsys=capsys)

    assert found == status
    assert told["located"] is False
    assert told["error"]["code"] == code
    assert told["error"]["try"]


Run = Callable[..., tuple[int, dict[str, Any]]]


def test_a_model_that_the_database_did_not_make_is_refused(
    finished_run: Path, run_cli: Run, sample_photos: Path
) -> None:
    """`recon match` with other options leaves the older model beside a newer database."""
    status, _ = run_cli(finished_run, "--max-keypoints", "300", command="extract")
    assert status == 0
    status, _ = run_cli(finished_run, "--max-keypoints", "300", command="match")
    assert status == 0

    with pytest.raises(ReconError, match="not made of the database beside it"):
        locate(finished_run, sample_photos / HELD_OUT, threads=1)
