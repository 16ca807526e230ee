"""A run finds what stands at the same pixels in all photos, leaves it out, says so, and can be told otherwise."""

from __future__ import annotations

import json

import numpy as np
import pycolmap
import pytest
from PIL import Image

MARK = (760, 20, 1000, 80)
"""Left, top, right, bottom, pixels of the photos."""


@pytest.fixture(scope="session")
def marked_photos(six_photos, tmp_path_factory):
    """Return six photos with the same mark in the upper right corner."""
    folder = tmp_path_factory.mktemp("marked") / "photos"
    folder.mkdir()
    left, top, right, bottom = MARK
    blocks = np.random.default_rng(1).integers(0, 2, ((bottom - top) // 10, (right - left) // 10)) * 255
    mark = Image.fromarray(np.kron(blocks, np.ones((10, 10))).astype(np.uint8)).convert("RGB")
    for path in sorted(six_photos.iterdir()):
        picture = Image.open(path)
        picture.paste(mark, (left, top))
        picture.save(folder / path.name, quality=92, exif=picture.getexif())
    return folder


def num_on_mark(output):
    """Return how many keypoints of the database lie on the mark, in all photos together."""
    left, top, right, bottom = MARK
    with pycolmap.Database.open(output / "database.db") as database:
        keypoints = np.concatenate([database.read_keypoints(image.image_id) for image in database.read_all_images()])
    return int(((keypoints[:, :2] >= (left, top)) & (keypoints[:, :2] <= (right, bottom))).all(axis=1).sum())


def events_of(output, kind):
    """Return the events of a kind of the last run."""
    events = [json.loads(line) for line in (output / "events.jsonl").read_text("utf-8").splitlines()]
    begun = max(k for k, event in enumerate(events) if event["event"] == "RunStarted")
    return [event for event in events[begun:] if event["event"] == kind]


def test_a_mark_is_left_out_and_told_of(marked_photos, run_cli, tmp_path, capsys):
    status, summary = run_cli(tmp_path / "out", photos=marked_photos)

    (overlay,) = summary["overlays"]
    assert status == 0
    assert (overlay["width"], overlay["height"]) == (1024, 768)
    assert 0.005 < overlay["share"] < 0.06
    assert num_on_mark(tmp_path / "out") <= 3
    assert "6 photos of 1024x768 have in common what does not move with the scene" in capsys.readouterr().err
    assert summary["registered"] == 6


def test_it_can_be_kept_without_finding_the_features_again(marked_photos, run_cli, tmp_path):
    run_cli(tmp_path / "out", photos=marked_photos)

    status, summary = run_cli(tmp_path / "out", "--keep-overlays", photos=marked_photos)

    assert status == 0
    assert summary["overlays"] == []
    assert summary["plan"]["keep_overlays"] is True
    assert all(each["cached"] for each in events_of(tmp_path / "out", "ImageDone"))
    assert num_on_mark(tmp_path / "out") > 50


def test_photos_without_a_mark_lose_nothing(run_cli, tmp_path):
    _, summary = run_cli(tmp_path / "out")

    assert summary["overlays"] == []
