"""`recon check` judges a photo set, foretells the run, and says so to people and machines."""

from __future__ import annotations

import json
import shutil

import cv2
import pytest

from recon.cli import main

KEYS = {
    *("is_usable", "images", "usable", "different", "unusable", "findings", "cameras", "sizes", "orientations", "gps"),
    *("pairs", "forecast", "photos", "notes", "command", "seconds", "error"),
}
SMALL = ("--max-size", "400", "--max-keypoints", "500")


@pytest.fixture
def check(capsys):
    """Return a function that runs `recon check` and returns its exit status, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["check", *map(str, arguments), *SMALL])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def photos(six_photos, tmp_path):
    """Return a folder of six photos to change."""
    return shutil.copytree(six_photos, tmp_path / "photos")


def test_json_has_the_same_keys_whatever_happens(check, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    answers = [
        check(photos, "--json"),
        check(tmp_path / "empty", "--json"),
        check(tmp_path / "missing", "--json"),
        check(photos, "--json", "--extractor", "sfit"),
        check(photos, "--json", "--no-such-option"),
    ]

    assert [status for status, _, _ in answers] == [0, 1, 2, 2, 2]
    assert [set(json.loads(output)) for _, output, _ in answers] == [KEYS] * 5
    assert [json.loads(output)["error"] is None for _, output, _ in answers] == [True, True, False, False, False]


def test_the_run_is_foretold(check, photos):
    _, output, _ = check(photos, "--json", "--threads", "2")
    told = json.loads(output)

    assert (told["images"], told["usable"], told["is_usable"]) == (6, 6, True)
    assert (told["pairs"]["least"], told["pairs"]["most"]) == (15, 15)
    assert set(told["forecast"]["seconds"]) == {"extract", "match", "verify", "map", "total"}
    least, most = told["forecast"]["seconds"]["total"]
    assert 0 <= least <= most < 600
    assert 100 < told["forecast"]["memory_mb"][0] < told["forecast"]["memory_mb"][1] < 5000
    assert told["cameras"]["cameras"][0]["focal_source"] in ("exif_35mm", "exif_sensor_table", "default")
    assert {"image", "blur_px", "edges", "clipped_white", "bright_end", "width", "orientation"} <= set(
        told["photos"][0]
    )


def test_the_command_is_the_one_that_was_checked(check, photos, tmp_path):
    list_file = tmp_path / "some names.txt"
    list_file.write_text("".join(f"{path.name}\n" for path in sorted(photos.iterdir())[:3]))
    options = ["--single-camera", "--set", "sift.upright=true", "--camera-model", "PINHOLE", "--image-list", list_file]
    _, output, _ = check(photos, "--json", *options)
    told = json.loads(output)

    assert told["command"].startswith(f"recon run {photos} ")
    for words in ("--single-camera", "--set sift.upright=true", "--camera-model PINHOLE", f"'{list_file}'"):
        assert words in told["command"]
    assert "--json" not in told["command"]
    assert told["images"] == 3
    assert [camera["model"] for camera in told["cameras"]["cameras"]] == ["PINHOLE"]


def test_pairs_of_a_large_set_are_a_range(check, photos):
    """Which photos are similar is known only when they have been looked at."""
    _, output, _ = check(photos, "--json", "--pairs", "retrieval", "--set", "retrieval.k=2")
    pairs = json.loads(output)["pairs"]

    assert (pairs["least"], pairs["most"]) == (6, 12)


def test_pairs_of_a_file_are_counted(check, photos, tmp_path):
    names = [path.name for path in sorted(photos.iterdir())]
    (tmp_path / "pairs.txt").write_text(f"{names[0]} {names[1]}\n{names[1]} {names[2]}\n")
    _, output, _ = check(photos, "--json", "--pairs-file", tmp_path / "pairs.txt")

    assert json.loads(output)["pairs"]["most"] == 2


def test_nothing_is_written(check, photos, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = sorted(photos.iterdir())
    check(photos)

    assert sorted(photos.iterdir()) == before
    assert list((tmp_path / "here").iterdir()) == []


def test_poor_photos_are_told_and_left_out_of_the_list(check, photos, tmp_path):
    first, second, *_ = sorted(photos.iterdir())
    cv2.imwrite(str(first), cv2.GaussianBlur(cv2.imread(str(first)), (0, 0), 5))
    shutil.copy(second, photos / "copy.jpg")
    status, output, _ = check(photos, "--write-list", tmp_path / "good.txt")

    assert status == 0
    assert f"{first.name}: blurred" in output
    assert f"{second.name}, copy.jpg: the same file" in output
    assert (tmp_path / "good.txt").read_text().split() == [path.name for path in sorted(photos.iterdir())[1:-1]]
    assert f"--image-list {tmp_path / 'good.txt'}" in output
    status, output, _ = check(photos, "--image-list", tmp_path / "good.txt", "--json")
    assert json.loads(output)["usable"] == 5


def test_names_are_shown_as_they_are(check, photos):
    """Neither markup nor a line break in a name changes what is printed around it."""
    (photos / "[red]x[bold].jpg").write_bytes(b"no photo")
    (photos / "two\nlines.jpg").write_bytes(b"no photo")
    status, output, _ = check(photos)

    assert status == 0
    assert "[red]x[bold].jpg: " in output
    assert "two\\nlines.jpg: " in output


def test_a_folder_without_photos_is_not_usable(check, tmp_path):
    (tmp_path / "notes.txt").write_text("no photo")
    status, output, _ = check(tmp_path)

    assert status == 1
    assert "the folder holds no photos" in output
    assert "recon run" not in output


def test_one_photo_is_not_usable(check, photos):
    for path in sorted(photos.iterdir())[1:]:
        path.unlink()
    status, output, _ = check(photos)

    assert status == 1
    assert "only one photo can be used" in output


def test_a_list_that_cannot_be_written_is_wrong_usage(check, photos, tmp_path):
    status, _, errors = check(photos, "--write-list", tmp_path / "no" / "such" / "folder.txt")

    assert status == 2
    assert "cannot write the list" in errors


def test_missing_weights_are_told_and_not_fetched(check, photos, write_plugin):
    text = (
        "file = recon.WeightsFile(name='w.pt', url='https://a.invalid/w', sha256='0' * 64, licence='MIT')\n"
        "@recon.hookimpl\ndef recon_feature_extractors():\n    return [spec('heavy', weights=(file,))]\n"
    )
    folder = write_plugin("heavy", text)
    status, output, _ = check(photos, "--plugins-dir", folder, "--extractor", "heavy", "--json")
    told = json.loads(output)

    assert status == 0
    assert told["forecast"] is None
    assert any("recon weights get heavy" in note for note in told["notes"])


@pytest.mark.photos
def test_a_turned_photo_of_a_real_set_is_found(check, photo_set):
    """cyprus: nine photos lie on their side in the file, one was turned by an editor."""
    status, output, _ = check(photo_set("cyprus") / "images", "--json")
    odd = [finding["images"] for finding in json.loads(output)["findings"] if finding["topic"] == "odd_size"]

    assert status == 0
    assert odd == [["DSC_6471.JPG"]]
