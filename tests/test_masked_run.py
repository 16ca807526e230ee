"""A run with masks: nothing is found where they are 0, and a changed one redoes its photo and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pycolmap
import pytest
from PIL import Image as PillowImage

import recon
from recon.core.events import Event, ImageDone, Noted, PairDone

SMALL = {"max_size": 400, "max_keypoints": 800}


@pytest.fixture
def masks(six_photos: Path, tmp_path: Path) -> Path:
    """Return masks of the first two photos that ignore the upper half."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for photo in sorted(six_photos.iterdir())[:2]:
        ignore_upper(folder / f"{photo.name}.png", PillowImage.open(photo).size, 0.5)
    return folder


def ignore_upper(path: Path, size: tuple[int, int], share: float) -> None:
    mask = PillowImage.new("1", size, 1)
    mask.paste(0, (0, 0, size[0], round(size[1] * share)))
    mask.save(path)


def highest_keypoints(database: Path) -> dict[str, float]:
    with pycolmap.Database.open(database) as opened:
        return {
            image.name: float(opened.read_keypoints(image.image_id)[:, 1].min()) for image in opened.read_all_images()
        }


def test_nothing_is_found_on_masked_pixels_and_a_changed_mask_redoes_one_photo(
    six_photos: Path, masks: Path, tmp_path: Path
) -> None:
    first: list[Event] = []
    recon.reconstruct(six_photos, tmp_path / "out", masks=masks, **SMALL, observers=[first.append])
    height = PillowImage.open(six_photos / "0000.jpg").height
    highest = highest_keypoints(tmp_path / "out" / "database.db")

    assert min(highest["0000.jpg"], highest["0001.jpg"]) > height / 2 - 2
    assert max(highest[f"{number:04}.jpg"] for number in range(2, 6)) < height / 2
    assert [event.message for event in first if isinstance(event, Noted) and "0 = ignored" in event.message]
    assert json.loads((tmp_path / "out" / "recon.json").read_text())["plan"]["masks"] == str(masks)

    ignore_upper(masks / "0001.jpg.png", PillowImage.open(six_photos / "0000.jpg").size, 0.4)
    again: list[Event] = []
    recon.reconstruct(six_photos, tmp_path / "out", masks=masks, **SMALL, observers=[again.append])

    assert [event.name for event in again if isinstance(event, ImageDone) and not event.cached] == ["0001.jpg"]
    redone = [event for event in again if isinstance(event, PairDone) and not event.cached]
    assert {"0001.jpg" in (event.name1, event.name2) for event in redone} == {True}
    assert len(redone) == 5
