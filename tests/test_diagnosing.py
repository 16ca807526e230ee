"""What the pixels of a photo say about why it was left out; and which step made which model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageOps

import recon
from recon.core.errors import Cause
from recon.core.events import ModelDone, Noted
from recon.stages.diagnosing import Diagnosis, StepsTaken

SMALL = {"extractor": "sift", "max_size": 400, "max_keypoints": 800, "threads": 1, "escalate": False}


@pytest.fixture
def photos(six_photos: Path, tmp_path: Path) -> Path:
    """Return a folder with six good photos, to which a test adds a poor one."""
    return Path(shutil.copytree(six_photos, tmp_path / "photos"))


def test_where_every_photo_is_registered_there_is_nothing_to_say(photos: Path, tmp_path: Path) -> None:
    summary = recon.reconstruct(photos, tmp_path / "out", **SMALL).summary

    assert summary["left_out"] == summary["apart"] == []
    assert len(summary["ladder"]["began"]) == 1
    assert Diagnosis().facts == {"left_out": [], "apart": [], "ladder": {}}


def test_a_mirrored_photo_is_told_with_the_photos_it_fits_when_flipped(photos: Path, tmp_path: Path) -> None:
    with Image.open(photos / "0002.jpg") as photo:
        ImageOps.mirror(photo).save(photos / "0002.jpg", quality=95)

    result = recon.reconstruct(photos, tmp_path / "out", **SMALL)
    (found,) = result.left_out

    assert (found.image, found.cause) == ("0002.jpg", Cause.MIRRORED)
    assert max(found.evidence["flipped_inliers"].values()) >= 50
    assert "0002-flipped.jpg" in found.try_


def test_a_black_photo_is_dark_and_a_bare_one_blank(photos: Path, tmp_path: Path) -> None:
    Image.new("RGB", (640, 480), (3, 3, 3)).save(photos / "black.png")
    Image.new("RGB", (640, 480), (90, 120, 150)).save(photos / "bare.png")

    found = {each.image: each for each in recon.reconstruct(photos, tmp_path / "out", **SMALL).left_out}

    assert {name: each.cause for name, each in found.items()} == {
        "black.png": Cause.TOO_DARK,
        "bare.png": Cause.BLANK,
    }
    assert all("0 keypoints, where the photos have" in each.detail for each in found.values())


def test_photos_that_are_no_good_are_counted_where_there_is_no_model(photos: Path, tmp_path: Path) -> None:
    for path in sorted(photos.iterdir())[1:]:
        with Image.open(path) as photo:
            blurred = photo.filter(ImageFilter.GaussianBlur(25))
        blurred.save(path, quality=95)

    result = recon.reconstruct(photos, tmp_path / "out", **SMALL)

    assert result.model is None
    assert sum(each.cause is Cause.BLURRED for each in result.left_out) == 5
    assert "5 blurred" in result.summary["error"]["message"]


def test_the_step_of_a_model_is_known_by_its_first_photo(synthetic_model) -> None:
    told = []
    steps = StepsTaken(told.append)
    events = [
        ModelDone(
            images=6, points3D=9, mean_reprojection_error_px=1.0, step="half the angle", first_image="image0000.png"
        ),
        Noted(message="something else"),
    ]

    for event in events:
        steps(event)

    assert told == events
    assert steps.of([synthetic_model()]) == ["half the angle"]
    assert StepsTaken(told.append).of([synthetic_model()]) == [None]
