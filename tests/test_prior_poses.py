"""`--prior-poses`: in whatever format, given to the photos by name, and used as the user says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recon.adding import add
from recon.cli import main
from recon.engine.models import frame_of, read_model
from recon.evaluation import Truth, evaluate, read_truth
from recon.locating import locate

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def truth_file(sample_photos: Path) -> Path:
    return sample_photos.parent / "gt.json"


def only(truth_file: Path, names: list[str], path: Path, **changes: Any) -> Path:
    """Write a gt.json of some images, with some of their fields changed."""
    images = json.loads(truth_file.read_text("utf-8"))["images"]
    path.write_text(json.dumps({"images": {name: {**images[name], **changes} for name in names}}), "utf-8")
    return path


def truth_of(truth_file: Path, workspace: Path) -> Truth:
    truth, model = read_truth(truth_file), read_model(workspace)
    names = sorted(model.image(image_id).name for image_id in model.reg_image_ids())
    return Truth(truth.path, {name: truth.poses[name] for name in names})


def transforms_of(truth_file: Path, path: Path) -> Path:
    """Write nerfstudio's transforms.json of a gt.json: world from camera, y up, z back."""
    images = json.loads(truth_file.read_text("utf-8"))["images"]
    frames = []
    for name, entry in images.items():
        rotation, translation = np.array(entry["R"]), np.array(entry["t"])
        matrix = np.eye(4)
        matrix[:3, :3] = rotation.T @ np.diag([1.0, -1.0, -1.0])
        matrix[:3, 3] = -rotation.T @ translation
        frames.append({"file_path": f"images/{name}", "transform_matrix": matrix.tolist()})
    k = images["0000.jpg"]["K"]
    lens = {"fl_x": k[0][0], "fl_y": k[1][1], "cx": k[0][2] + 0.5, "cy": k[1][2] + 0.5, "w": 1024, "h": 768}
    path.write_text(json.dumps({**lens, "frames": frames}), "utf-8")
    return path


def test_points_are_triangulated_onto_given_poses(run_cli: Run, tmp_path: Path, truth_file: Path) -> None:
    status, told = run_cli(tmp_path / "out", "--threads", "1", "--prior-poses", str(truth_file))

    model = read_model(tmp_path / "out")
    assert status == 0
    assert told["registered"] == 6
    assert told["points3D"] > 50
    assert told["mean_reprojection_error_px"] < 1.5
    assert told["frame"]["source"] == "prior_poses"
    poses = read_truth(truth_file).poses
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        np.testing.assert_allclose(image.cam_from_world().translation, poses[image.name].translation, rtol=1e-12)
    given = json.loads(truth_file.read_text("utf-8"))["images"]["0000.jpg"]
    (camera,) = {model.image(k).camera_id for k in model.reg_image_ids()}
    assert model.camera(camera).focal_length_x == given["K"][0][0]
    assert model.camera(camera).principal_point_x == given["K"][0][2] + 0.5


def test_each_format_gives_the_same_model(run_cli: Run, tmp_path: Path, truth_file: Path) -> None:
    out = tmp_path / "out"
    _, by_gt = run_cli(out, "--threads", "1", "--prior-poses", str(truth_file))
    transforms = transforms_of(truth_file, tmp_path / "transforms.json")
    model_folder = Path((out / "sparse").rename(tmp_path / "colmap"))

    for prior in (transforms, model_folder / "0"):
        status, told = run_cli(out, "--threads", "1", "--prior-poses", str(prior))

        assert status == 0
        assert told["registered"] == 6
        assert abs(told["points3D"] - by_gt["points3D"]) <= 0.1 * by_gt["points3D"]


def test_photos_without_a_pose_are_left_out_or_registered_as_the_user_says(
    run_cli: Run, tmp_path: Path, truth_file: Path
) -> None:
    prior = only(truth_file, ["0000.jpg", "0001.jpg", "0002.jpg", "0003.jpg"], tmp_path / "four.json")
    out = tmp_path / "out"

    _, kept = run_cli(out, "--threads", "1", "--prior-poses", str(prior))
    _, start = run_cli(out, "--threads", "1", "--prior-poses", str(prior), "--prior-poses-use", "start")

    assert kept["registered"] == 4
    assert {each["image"]: each["cause"] for each in kept["left_out"]} == {
        "0004.jpg": "no_prior_pose",
        "0005.jpg": "no_prior_pose",
    }
    assert start["registered"] == 6
    assert start["seconds"]["match"] == 0  # the use of poses changes mapping alone
    assert evaluate(read_model(out), truth_of(truth_file, out)).auc_deg["1"] > 50


def test_a_run_again_finds_nothing_to_do_and_another_file_maps_anew(
    run_cli: Run, tmp_path: Path, truth_file: Path
) -> None:
    out = tmp_path / "out"
    prior = only(truth_file, ["0000.jpg", "0001.jpg", "0002.jpg"], tmp_path / "prior.json")
    run_cli(out, "--threads", "1", "--prior-poses", str(prior))
    first = json.loads((out / "recon.json").read_text("utf-8"))["stages"]

    run_cli(out, "--threads", "1", "--prior-poses", str(prior))
    again = json.loads((out / "recon.json").read_text("utf-8"))["stages"]
    only(truth_file, ["0000.jpg", "0001.jpg", "0002.jpg", "0003.jpg"], prior)
    _, other = run_cli(out, "--threads", "1", "--prior-poses", str(prior))

    assert again["map"]["finished"] == first["map"]["finished"]
    assert again["map"]["key"] == first["map"]["key"]
    assert other["registered"] == 4


def test_poses_of_photos_that_are_not_there_are_told_of(
    run_cli: Run, tmp_path: Path, truth_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_cli(tmp_path / "out", "--threads", "1", "--prior-poses", str(truth_file))

    assert "10 prior poses are of no photo of this run: 0006.jpg, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (None, 2, "missing_file"),
        ("no json {", 2, "corrupt_file"),
        ('{"images": {"a.jpg": {"R": [[1,0,0],[0,1,0],[0,0,1]], "t": [0,0]}}}', 2, "corrupt_file"),
        ("others", 2, "bad_value"),
        ("one", 2, "corrupt_file"),
        ("another size", 2, "bad_value"),
        ("contradicting", 2, "bad_value"),
    ],
)
def test_bad_poses_are_refused_before_any_work(
    run_cli: Run, tmp_path: Path, truth_file: Path, content: str | None, status: int, code: str
) -> None:
    prior = tmp_path / "prior.json"
    options: tuple[str, ...] = ()
    names = ["0000.jpg", "0001.jpg", "0002.jpg"]
    if content == "others":
        images = json.loads(truth_file.read_text("utf-8"))["images"]
        others = {f"other{k}.jpg": entry for k, entry in enumerate(images.values())}
        prior.write_text(json.dumps({"images": others}), "utf-8")
        options = ("--camera-model", "PINHOLE", "--camera-params", "822,822,514,382")
    elif content == "one":
        only(truth_file, names[:1], prior)
    elif content == "another size":
        only(truth_file, names, prior, width=500, height=700)
    elif content == "contradicting":
        only(truth_file, names, prior)
        options = ("--cameras", str(prior), "--camera-params", "822,822,514,382")
    elif content is not None:
        prior.write_text(content, "utf-8")

    found, told = run_cli(tmp_path / "out", *options, "--prior-poses", str(prior))

    assert (found, told["error"]["code"]) == (status, code)
    assert told["error"]["try"]
    assert not (tmp_path / "out" / "database.db").exists()


def test_a_use_that_there_is_not_is_refused(six_photos: Path, tmp_path: Path, truth_file: Path) -> None:
    prior = ["--prior-poses", str(truth_file), "--prior-poses-use", "believe"]

    assert main(["run", str(six_photos), "-o", str(tmp_path / "out"), *prior]) == 2


def test_poses_that_look_the_other_way_give_no_model_and_the_reason(
    run_cli: Run, tmp_path: Path, truth_file: Path
) -> None:
    """As with OpenGL's axes in place of OpenCV's."""
    document = json.loads(truth_file.read_text("utf-8"))
    turn = np.diag([1.0, -1.0, -1.0])
    for entry in document["images"].values():
        entry["R"] = (turn @ np.array(entry["R"])).tolist()
        entry["t"] = (turn @ np.array(entry["t"])).tolist()
    prior = tmp_path / "opengl.json"
    prior.write_text(json.dumps(document), "utf-8")

    status, told = run_cli(tmp_path / "out", "--threads", "1", "--prior-poses", str(prior))

    assert status == 1
    assert told["error"]["code"] == "prior_poses_contradict"
    assert "y down" in told["error"]["try"]


def test_a_mapper_has_no_place_beside_given_poses(run_cli: Run, tmp_path: Path, truth_file: Path) -> None:
    status, told = run_cli(tmp_path / "out", "--prior-poses", str(truth_file), "--mapper", "incremental")

    assert status == 2
    assert "--mapper and --prior-poses" in told["error"]["message"]


def test_a_photo_is_located_and_added_in_the_frame_of_given_poses(
    run_cli: Run, tmp_path: Path, truth_file: Path, sample_photos: Path
) -> None:
    """The world of the poses is that of the answer: no alignment is needed."""
    out = tmp_path / "out"
    run_cli(out, "--threads", "1", "--prior-poses", str(truth_file))

    location = locate(out, sample_photos / "0006.jpg", threads=1)
    added = add(sample_photos / "0006.jpg", out, threads=1)

    true = read_truth(truth_file).poses["0006.jpg"]
    assert np.linalg.norm(location.center - true.center) < 0.05
    assert location.camera_source == "camera 1 of the model"
    assert added.registered == ("0006.jpg",)
    model = read_model(out)
    image = next(model.image(k) for k in model.reg_image_ids() if model.image(k).name == "0006.jpg")
    assert np.linalg.norm(image.projection_center() - true.center) < 0.05
    assert frame_of(out).source == "prior_poses"
