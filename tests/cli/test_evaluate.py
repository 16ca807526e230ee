"""`recon evaluate`: the numbers of design's JSON, and the same for people."""

from __future__ import annotations

import json

import pytest

from recon.cli import main
from recon.engine.models import write_models


@pytest.fixture
def workspace(tmp_path, synthetic_model):
    model = synthetic_model()
    write_models([model], tmp_path / "out")
    images = {}
    for image_id in model.reg_image_ids():
        pose = model.image(image_id).cam_from_world()
        images[model.image(image_id).name] = {"R": pose.rotation.matrix().tolist(), "t": pose.translation.tolist()}
    (tmp_path / "gt.json").write_text(json.dumps({"images": images}))
    return tmp_path


def test_json_is_one_object_with_the_published_keys(workspace, capsys):
    assert main(["evaluate", str(workspace / "out"), str(workspace / "gt.json"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert set(told) == {"registered", "images", "auc_deg", "median_error_deg", "center_rmse", "center_median", "pairs"}
    assert set(told["auc_deg"]) == {"0.5", "1", "3", "5", "10", "20"}
    assert told["auc_deg"]["0.5"] == pytest.approx(100, abs=1e-3)
    assert (told["registered"], told["images"], told["pairs"]) == (6, 6, 15)


def test_people_get_the_same_numbers(workspace, capsys):
    assert main(["evaluate", str(workspace / "out" / "sparse" / "0"), str(workspace / "gt.json")]) == 0
    output = capsys.readouterr().out

    assert "6 of 6 photos" in output
    assert "100.0" in output
    assert "RMSE" in output


def test_truth_of_other_photos_is_wrong_usage(workspace, capsys):
    truth = workspace / "gt.json"
    truth.write_text(truth.read_text().replace("image0", "other0"))

    assert main(["evaluate", str(workspace / "out"), str(truth)]) == 2
    assert "other0000.png" in capsys.readouterr().err


def test_truth_that_is_not_json_fails_with_the_file(workspace, capsys):
    (workspace / "gt.json").write_text("{")

    assert main(["evaluate", str(workspace / "out"), str(workspace / "gt.json")]) == 1
    assert str(workspace / "gt.json") in capsys.readouterr().err


def test_a_model_is_truth_for_another(workspace, capsys):
    assert main(["evaluate", str(workspace / "out"), str(workspace / "out" / "sparse" / "0"), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["auc_deg"]["0.5"] == pytest.approx(100, abs=1e-3)


def test_a_picture_of_both_trajectories_is_written_where_it_is_asked_for(workspace, capsys):
    picture = workspace / "trajectories.png"

    assert main(["evaluate", str(workspace / "out"), str(workspace / "gt.json"), "--picture", str(picture)]) == 0

    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_picture_in_no_folder_says_how_to_make_it(workspace, capsys):
    picture = workspace / "none" / "trajectories.png"

    assert main(["evaluate", str(workspace / "out"), str(workspace / "gt.json"), "--picture", str(picture)]) == 2
    assert "mkdir -p" in capsys.readouterr().err
