"""`recon align`: the folder that it writes, and one clear message with the right exit status for everything else."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from recon.cli import main

FILES = ["aligned.png", "checkerboard.png", "flicker.gif", "matches.png", "transform.json"]
SHIFT = (24, 10)


@pytest.fixture(scope="session")
def photos(sample_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a photo, the same moved by SHIFT, and files that are none or hold nothing."""
    folder = tmp_path_factory.mktemp("photos to align")
    with Picture.open(sample_photos / "0000.jpg") as whole:
        pixels = np.asarray(whole.convert("RGB"))[300:640, 100:500]
    x, y = SHIFT
    Picture.fromarray(pixels[:300, :360]).save(folder / "one.png")
    Picture.fromarray(pixels[y : 300 + y, x : 360 + x]).save(folder / "two.png")
    Picture.fromarray(np.full((300, 360, 3), 120, np.uint8)).save(folder / "flat.png")
    Picture.fromarray(np.random.default_rng(0).integers(0, 255, (300, 360, 3), np.uint8)).save(folder / "other.png")
    Picture.fromarray(np.full((1, 1, 3), 120, np.uint8)).save(folder / "dot.png")
    Picture.fromarray(np.full((20, 30), 255, np.uint8)).save(folder / "small mask.png")
    (folder / "text.png").write_text("no picture")
    return folder


def align(photos: Path, output: Path, *options: str, first: str = "one.png", second: str = "two.png"):
    """Return exit status, the object on stdout and stderr of `recon align FIRST SECOND -o OUTPUT --json`."""
    stdout, stderr = io.StringIO(), io.StringIO()
    arguments = ["align", str(photos / first), str(photos / second), "-o", str(output), "--threads", "1", *options]
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        status = main([*arguments, "--json"])
    assert "Traceback" not in stderr.getvalue()
    return status, json.loads(stdout.getvalue()), stderr.getvalue()


@pytest.fixture(scope="session")
def aligned(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    output = tmp_path_factory.mktemp("align") / "new" / "out"
    status, told, _ = align(photos, output)
    assert status == 0
    return output, told


def test_the_folder_holds_the_pictures_and_the_transform(aligned):
    output, told = aligned

    assert sorted(path.name for path in output.iterdir()) == FILES
    assert json.loads((output / "transform.json").read_text("utf-8")) == {
        k: v for k, v in told.items() if k != "output"
    }


def test_the_transform_is_that_of_the_photos(aligned):
    """Photo 2 shows what lies SHIFT further: what is at (x, y) in photo 1 is at (x - 24, y - 10) there."""
    _, told = aligned

    assert told["model"] == "similarity"
    assert np.array(told["matrix"]) == pytest.approx(np.array([[1, 0, -24], [0, 1, -10], [0, 0, 1]]), abs=0.01)
    assert [corner["image2"] for corner in told["corners"]][2] == pytest.approx([360 - 24, 300 - 10], abs=0.02)
    assert all(0 < deviation < 0.1 for corner in told["corners"] for deviation in corner["std_px"])
    assert told["correlation"]["unaligned"] < 0.5 < 0.99 < told["correlation"]["refined"]
    assert min(told["criterion"]["candidates"].values(), key=lambda each: each["gric"])["inliers"] == told["inliers"]


def test_the_aligned_picture_lies_on_image_2(aligned, photos):
    output, _ = aligned
    with Picture.open(output / "aligned.png") as picture, Picture.open(photos / "two.png") as second:
        laid, truth = np.asarray(picture).astype(int), np.asarray(second).astype(int)
    shown = laid[..., 3] == 255

    assert laid.shape == (300, 360, 4)
    assert shown[:285, :330].all()
    assert not shown[292:].any()
    assert not shown[:, 338:].any()
    assert np.abs(laid[..., :3] - truth)[shown].mean() < 1


def test_the_transform_in_opencvs_pixels_is_given_too(aligned):
    """Its pixel centres are whole numbers: a zoom would shift by half a pixel."""
    _, told = aligned
    center = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    back = center @ np.array(told["matrix_opencv"]) @ np.linalg.inv(center)

    assert back / back[2, 2] == pytest.approx(np.array(told["matrix"]))


def test_a_photo_held_sideways_is_aligned_upright(photos, tmp_path):
    """The transform lives in upright pixels: how the sensor stored them does not matter."""
    with Picture.open(photos / "one.png") as upright:
        exif = Picture.Exif()
        exif[0x0112] = 6  # turn clockwise to show
        upright.transpose(Picture.Transpose.ROTATE_90).save(tmp_path / "one.png", exif=exif)
    with Picture.open(photos / "two.png") as second:
        second.save(tmp_path / "two.png")
    status, told, _ = align(tmp_path, tmp_path / "out")

    assert status == 0
    assert told["image1"]["size"] == [360, 300]
    assert np.array(told["matrix"])[:2, 2] == pytest.approx([-24, -10], abs=0.01)


def test_a_smaller_working_size_answers_in_full_pixels(photos, tmp_path):
    status, told, _ = align(photos, tmp_path / "out", "--max-size", "240")

    assert status == 0
    assert told["image1"]["aligned_at_size"] == [240, 200]
    assert np.array(told["corners"][2]["image2"]) == pytest.approx([360 - 24, 300 - 10], abs=0.1)


FAILURES = {
    "nothing in common": ({"second": "other.png"}, 1, ("no_matches", "no_verified_geometry")),
    "flat": ({"first": "flat.png"}, 1, ("few_keypoints",)),
    "one pixel": ({"second": "dot.png"}, 1, ("unreadable",)),
    "no picture": ({"first": "text.png"}, 1, ("unreadable",)),
    "no file": ({"second": "nowhere.png"}, 2, ("missing_file",)),
    "a folder": ({"first": "."}, 1, ("unreadable",)),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_cannot_be_aligned_is_one_message_and_nothing_is_written(name, photos, tmp_path):
    files, expected, codes = FAILURES[name]
    status, told, stderr = align(photos, tmp_path / "out", **files)

    assert status == expected
    assert told["error"]["code"] in codes
    assert told["error"]["try"]
    assert told["error"]["message"] in stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--extractor", "sfit"], "unknown_plugin"),
        (["--set", "sift.max_keypoint=5"], "unknown_option"),
        (["--max-size", "3"], "bad_value"),
        (["--model", "circle"], "usage"),
        (["--refine", "magic"], "usage"),
        (["--mask1", "nowhere.png"], "missing_file"),
        (["--device", "abacus"], "bad_value"),
        (["--config", "nowhere.toml"], "missing_file"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(options, code, photos, tmp_path):
    status, told, _ = align(photos, tmp_path / "out", *options)

    assert status == 2
    assert told["error"]["code"] == code


def test_a_mask_of_another_size_is_refused(photos, tmp_path):
    status, told, _ = align(photos, tmp_path / "out", "--mask2", str(photos / "small mask.png"))

    assert status == 2
    assert "30x20" in told["error"]["message"]


def test_a_mask_that_hides_everything_leaves_nothing_to_align(photos, tmp_path):
    Picture.fromarray(np.zeros((300, 360), np.uint8)).save(tmp_path / "mask.png")
    status, told, _ = align(photos, tmp_path / "out", "--mask1", str(tmp_path / "mask.png"))

    assert status == 1
    assert told["error"]["code"] in ("few_keypoints", "no_matches")


def test_an_output_that_is_there_is_kept_without_force(aligned, photos, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    (output / "transform.json").write_text("old")
    status, told, _ = align(photos, output)

    assert status == 2
    assert told["error"]["code"] == "not_writable"
    assert (output / "transform.json").read_text() == "old"

    status, _, _ = align(photos, output, "--force")

    assert status == 0
    assert (output / "mine.txt").read_text() == "mine"
    assert sorted(path.name for path in output.iterdir()) == sorted([*FILES, "mine.txt"])


def test_a_file_in_place_of_the_folder_is_refused(photos, tmp_path):
    (tmp_path / "out").write_text("mine")
    status, told, _ = align(photos, tmp_path / "out", "--force")

    assert (status, told["error"]["code"]) == (2, "not_writable")
    assert (tmp_path / "out").read_text() == "mine"


def test_equal_seeds_write_equal_transforms(aligned, photos, tmp_path):
    _, first = aligned
    _, second, _ = align(photos, tmp_path / "out")

    assert {**second, "output": "", "seconds": 0} == {**first, "output": "", "seconds": 0}


def test_options_come_from_a_configuration_too(photos, tmp_path):
    (tmp_path / "plugins.toml").write_text("[extractor.sift]\nmax_keypoints = 50\n")
    status, told, _ = align(photos, tmp_path / "out", "--config", str(tmp_path / "plugins.toml"))

    assert status == 0
    assert told["matches"] <= 50


def test_people_are_told_the_result_and_the_progress(photos, tmp_path):
    command = [sys.executable, "-m", "recon", "align", str(photos / "one.png"), str(photos / "two.png")]
    ended = subprocess.run(
        [*command, "-o", str(tmp_path / "out"), "--refine", "none"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    assert "similarity" in ended.stdout
    assert str(tmp_path / "out") in ended.stdout
    assert "GRIC" in ended.stderr
    assert "match:" in ended.stderr
