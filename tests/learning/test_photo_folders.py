"""What a folder that is given to learn from holds: photos, and perhaps a model of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from recon.core.errors import Cause, ReconError, UsageError
from recon.learning.model_tracks import tracks_of
from recon.learning.photo_folders import open_photo_folder


def test_photos_alone(six_photos: Path) -> None:
    folder = open_photo_folder(six_photos)

    assert len(folder.images) == 6
    assert folder.model is None


def test_a_workspace_knows_its_photos_and_its_model(finished_run: Path, six_photos: Path) -> None:
    folder = open_photo_folder(finished_run)

    assert folder.photos == six_photos.resolve()
    assert folder.model == finished_run / "sparse" / "0"
    assert folder.digest != open_photo_folder(six_photos).digest


def test_a_model_with_its_photos_beside_it(finished_run: Path, six_photos: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(six_photos, project / "images")
    shutil.copytree(finished_run / "sparse", project / "sparse")

    for given in (project, project / "sparse"):
        folder = open_photo_folder(given)
        assert folder.photos == project / "images"
        assert folder.model == project / "sparse" / "0"


def test_the_digest_is_of_what_photos_show_and_not_of_where_they_are(six_photos: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(six_photos, tmp_path / "copy"))
    before = open_photo_folder(copy).digest
    assert before == open_photo_folder(six_photos).digest

    first, second = sorted(copy.iterdir())[:2]
    shutil.copy(first, second)

    assert open_photo_folder(copy).digest != before


def test_a_folder_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as missing:
        open_photo_folder(tmp_path / "missing")
    with pytest.raises(ReconError) as empty:
        open_photo_folder(tmp_path)

    assert (missing.value.code, empty.value.code) == (Cause.MISSING_FILE, Cause.NO_PHOTOS)


def test_photos_of_a_workspace_that_are_gone(finished_run: Path, tmp_path: Path) -> None:
    manifest = finished_run / "recon.json"
    photos = str(open_photo_folder(finished_run).photos)
    manifest.write_text(manifest.read_text().replace(photos, str(tmp_path / "gone")))

    with pytest.raises(UsageError, match=r"not in .*gone any more"):
        open_photo_folder(finished_run)


def test_tracks_lie_where_the_model_has_its_points(finished_run: Path) -> None:
    """At half the size, positions are half as large; a point has one place in a photo."""
    folder = open_photo_folder(finished_run)
    assert folder.model is not None
    full = tracks_of(folder.model, folder.images, 1024)
    half = tracks_of(folder.model, folder.images, 512)

    assert set(full) == {image.name for image in folder.images}
    for name, (ids, positions) in full.items():
        assert len(ids) > 50
        assert len(set(ids.tolist())) == len(ids)
        assert np.array_equal(half[name][0], ids)
        assert np.abs(half[name][1] - positions / 2).max() < 1e-3
        assert (positions > 0).all()
        assert (positions < [1024, 768]).all()


def test_photos_of_another_size_than_the_model_knows_have_no_tracks(finished_run: Path) -> None:
    folder = open_photo_folder(finished_run)
    assert folder.model is not None
    from dataclasses import replace

    images = [replace(folder.images[0], width=512, height=384), *folder.images[1:]]

    assert set(tracks_of(folder.model, images, 1024)) == {image.name for image in folder.images[1:]}


def test_a_damaged_model_is_told(finished_run: Path) -> None:
    folder = open_photo_folder(finished_run)
    assert folder.model is not None
    for file in folder.model.glob("*.bin"):
        file.write_bytes(b"nothing")

    with pytest.raises(ReconError) as caught:
        tracks_of(folder.model, folder.images, 1024)
    assert caught.value.code is Cause.CORRUPT_FILE
