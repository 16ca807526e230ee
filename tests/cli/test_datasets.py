"""`recon datasets`: lists without network, makes scenes, refuses what does not exist."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from recon.cli import main
from recon.scenes import catalogue
from recon.scenes.catalogue import CATALOGUE, PhotoSet, RemoteFile


def run(capsys, *arguments):
    status = main(["datasets", *map(str, arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_the_list_is_json_when_asked_for(capsys):
    status, out, _ = run(capsys, "list", "--json")

    sets = json.loads(out)["sets"]
    assert status == 0
    assert [entry["name"] for entry in sets] == [photo_set.name for photo_set in CATALOGUE]
    assert {"url", "size_bytes", "sha256"} == set(sets[0]["files"][0])


def test_the_list_is_a_table_for_people(capsys):
    status, out, err = run(capsys, "list")

    assert status == 0
    assert "eth3d-facade" in out
    assert "CC-BY-NC-SA-4.0" in out
    assert "owners state none" in err


def test_an_unknown_set_is_wrong_usage_with_a_suggestion(capsys):
    status, _, err = run(capsys, "get", "gerard-hall")

    assert status == 2
    assert "did you mean 'gerrard-hall'" in err


def test_a_download_that_fails_is_one_message(capsys, tmp_path, monkeypatch):
    nowhere = PhotoSet(
        "nowhere", "Nowhere", 1, (RemoteFile("https://127.0.0.1:9/a.zip"),), "MIT", "none", "https://a.b"
    )
    monkeypatch.setattr(catalogue, "CATALOGUE", (nowhere,))
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    status, out, err = run(capsys, "get", "nowhere", "-o", tmp_path / "set")

    assert status == 1
    assert out == ""
    assert "error: cannot download https://127.0.0.1:9/a.zip" in err
    assert "Traceback" not in err


def test_a_scene_is_made_and_its_folder_printed(capsys, tmp_path):
    arguments = ("make", tmp_path / "scene", "--layout", "field", "--photos", 2, "--size", 64, "--samples", 1)
    status, out, err = run(capsys, *arguments)

    assert status == 0
    assert out.strip() == str(tmp_path / "scene")
    assert "2 photos rendered" in err
    assert len(list((tmp_path / "scene" / "images").iterdir())) == 2
    assert run(capsys, *arguments)[2].endswith("0 photos rendered, 2 were there\n")


def test_a_preset_is_changed_by_options(capsys, tmp_path):
    status, _, _ = run(capsys, "make", tmp_path / "scene", "--preset", "sample", "--photos", 2, "--size", 64)
    options = json.loads((tmp_path / "scene" / "scene.json").read_text())["options"]

    assert status == 0
    assert (options["seed"], options["photos"], options["layout"]) == (7, 2, "courtyard")


@pytest.mark.parametrize("wrong", [("--photos", "0"), ("--size", "3"), ("--layout", "moon"), ("--photos", "many")])
def test_a_bad_value_is_wrong_usage(capsys, tmp_path, wrong):
    assert run(capsys, "make", tmp_path / "scene", *wrong)[0] == 2
    assert not (tmp_path / "scene").exists()


def test_listing_loads_nothing_heavy():
    script = (
        "import sys, recon.cli; recon.cli.main(['datasets', 'list']); "
        "print([m for m in ('cv2', 'open3d', 'torch', 'pycolmap', 'PIL') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert out.splitlines()[-1] == "[]"
