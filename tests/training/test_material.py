"""What is trained on and what is validated with never meet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.core.errors import Cause, Interrupted, ReconError
from recon.core.events import Event, ignore
from recon.core.options import Settings
from recon.core.registry import load_plugins
from recon.learning.homographies import HomographySource
from recon.learning.tracks import TrackSource
from recon.training.material import Material, gather, open_folders
from recon.training.request import DataRequest, Mix
from recon.training.teachers import choose_teacher


def gathered(folder: Path, cache: Path, *, should_stop: bool = False, **options: object) -> Material:
    request = DataRequest(
        folders=[folder], size=320, crop=64, max_keypoints=400, **{"held_out_every": 3, **options}
    )  # fmt: skip
    teacher = choose_teacher(request, Settings(), load_plugins(), "cpu", lambda text: None)
    opened = open_folders(request.folders, 1, ignore)
    return gather(request, opened, teacher, {}, 0, cache, 1, ignore, lambda: should_stop)


def test_no_pair_with_a_held_out_photo_is_trained_on(finished_run: Path, tmp_path: Path) -> None:
    material = gathered(finished_run, tmp_path)
    photos, pairs = material.training["homographies"], material.training["tracks"]
    aside = material.validation["homographies"]
    assert isinstance(photos, HomographySource)
    assert isinstance(pairs, TrackSource)
    assert isinstance(aside, HomographySource)

    trained = {photo.name for photo in photos.photos}
    held_out = {photo.name for photo in aside.photos}
    assert len(trained) == 4
    assert len(held_out) == 2
    assert not trained & held_out
    assert all({pair.photo1.name, pair.photo2.name} <= trained for pair in pairs.pairs)
    assert all({pair.photo1.name, pair.photo2.name} & held_out for pair in material.held_out_pairs)
    assert material.counts["pairs"] == len(pairs.pairs) >= 4


def test_descriptors_of_the_teacher_come_along_where_they_are_wanted(finished_run: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for wanted, length in ((True, 128), (False, 0)):
        material = gathered(finished_run, tmp_path, with_descriptors=wanted)

        assert material.teacher_length == length
        for source in material.training.values():
            assert source.sample(rng).teacher1.shape[1] == length


def test_what_the_teacher_saw_is_kept(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = gathered(finished_run, tmp_path).training["homographies"]

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("the teacher was asked again")

    monkeypatch.setattr("recon.choice.Choice.create", refuse)
    second = gathered(finished_run, tmp_path).training["homographies"]

    assert isinstance(first, HomographySource)
    assert isinstance(second, HomographySource)
    for photo1, photo2 in zip(first.photos, second.photos, strict=True):
        assert np.array_equal(photo1.keypoints, photo2.keypoints)
        assert np.array_equal(photo1.grey, photo2.grey)


def test_looking_at_photos_can_be_interrupted(finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        gathered(finished_run, tmp_path, should_stop=True)


def test_an_unreadable_photo_is_left_out_and_told(six_photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in six_photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.jpg").write_bytes(b"nothing of a photo")
    events: list[Event] = []

    opened = open_folders([folder], 1, events.append)

    assert len(opened[0].images) == 6
    assert "broken.jpg is left out" in getattr(events[0], "message", "")


def test_photos_with_nothing_in_them_teach_nothing(tmp_path: Path) -> None:
    import cv2

    (tmp_path / "blank").mkdir()
    for number in range(5):
        cv2.imwrite(str(tmp_path / "blank" / f"{number}.png"), np.full((240, 320), 40 * number, np.uint8))

    with pytest.raises(ReconError) as caught:
        gathered(tmp_path / "blank", tmp_path / "cache")
    assert caught.value.code is Cause.FEW_KEYPOINTS


def test_a_mix_of_kinds_that_the_data_do_not_give_is_refused(six_photos: Path, tmp_path: Path) -> None:
    material = gathered(six_photos, tmp_path)

    with pytest.raises(ReconError, match="only homographies"):
        material.mixed(Mix(homographies=0, tracks=1, scenes=1))
    assert len(material.mixed(Mix()).sources) == 1
