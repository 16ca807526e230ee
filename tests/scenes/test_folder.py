"""A scene's folder is made whole, goes on where it stopped, and nothing foreign is touched."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from recon.core.errors import Cause, ReconError, UsageError
from recon.scenes.folder import write_scene
from recon.scenes.generator import SceneOptions

OPTIONS = SceneOptions(seed=1, photos=3, size=64, samples=1)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "scene"
    write_scene(OPTIONS, folder)
    return contents(folder)


def test_a_folder_holds_photos_truth_and_options(whole):
    assert set(whole) == {"0000.jpg", "0001.jpg", "0002.jpg", "gt.json", "scene.json"}
    assert list(json.loads(whole["gt.json"])["images"]) == ["0000.jpg", "0001.jpg", "0002.jpg"]


def test_the_same_options_give_the_same_bytes(whole, tmp_path):
    write_scene(OPTIONS, tmp_path / "again", threads=2)

    assert contents(tmp_path / "again") == whole


def test_what_was_stopped_goes_on_where_it_stopped(whole, tmp_path):
    def stop_at_the_first(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scene(OPTIONS, tmp_path, progress=stop_at_the_first)
    assert set(contents(tmp_path)) == {"0000.jpg", "scene.json"}

    assert write_scene(OPTIONS, tmp_path) == 2
    assert contents(tmp_path) == whole
    assert write_scene(OPTIONS, tmp_path) == 0


def test_a_foreign_folder_is_refused_and_untouched(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"mine")

    with pytest.raises(UsageError, match="not empty"):
        write_scene(OPTIONS, tmp_path, fresh=True)

    assert contents(tmp_path) == {"holiday.jpg": b"mine"}


def test_another_scene_is_refused_unless_it_shall_be_replaced(whole, tmp_path):
    write_scene(replace(OPTIONS, photos=4, seed=9), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(UsageError, match="other options"):
        write_scene(OPTIONS, tmp_path)
    write_scene(OPTIONS, tmp_path, fresh=True)

    assert contents(tmp_path) == whole | {"notes.txt": b"mine"}


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / "scene.json").write_text("{")

    with pytest.raises(ReconError, match="not readable") as caught:
        write_scene(OPTIONS, tmp_path)
    assert caught.value.code is Cause.CORRUPT_FILE


def test_a_file_in_the_place_of_the_folder_is_one_clear_error(tmp_path):
    (tmp_path / "scene").write_text("")

    with pytest.raises(UsageError) as caught:
        write_scene(OPTIONS, tmp_path / "scene")
    assert caught.value.code is Cause.NOT_WRITABLE
