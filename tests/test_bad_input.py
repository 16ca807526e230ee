"""Whatever lies in the folder of photos: one clear message, the right exit status, no traceback, nothing lost."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from recon.cli import main
from recon.workspace import atomic


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    summary: dict[str, Any]
    stderr: str

    @property
    def code(self) -> str:
        return str(self.summary["error"]["code"])


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ended]:
    """Return a function that runs `recon run` on a folder of `tmp_path`, small."""

    def run(*options: str, photos: Path = tmp_path / "photos", output: Path = tmp_path / "out") -> Ended:
        stdout, stderr = io.StringIO(), io.StringIO()
        arguments = ["run", str(photos), "-o", str(output), "--max-size", "400", "--max-keypoints", "800", *options]
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            status = main([*arguments, "--json"])
        assert "Traceback" not in stderr.getvalue()
        return Ended(status, json.loads(stdout.getvalue()), stderr.getvalue())

    return run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return an empty folder of photos."""
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.fixture
def bad_photos(photos: Path, six_photos: Path) -> Path:
    """Return a folder with five good photos and one of everything that can be wrong with a file."""
    good = sorted(six_photos.iterdir())
    for path in good[:5]:
        shutil.copy(path, photos)
    picture = PillowImage.open(good[5])
    grey = np.asarray(picture.convert("L"))
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "truncated.jpg").write_bytes(good[5].read_bytes()[:5000])
    (photos / "no photo.png").write_text("I am a text")
    PillowImage.new("RGB", (1, 1)).save(photos / "one pixel.png")
    PillowImage.fromarray(grey.astype(np.uint16) * 257).save(photos / "16 bit.png")
    picture.convert("CMYK").save(photos / "cmyk.jpg", quality=95)
    picture.convert("RGBA").save(photos / "rgba.png")
    picture.convert("L").save(photos / "grey é 中.jpg", quality=95)
    (photos / "notes.txt").write_text("no photo, and not named like one")
    return photos


def test_photos_of_every_kind_are_used_and_those_of_no_use_are_named(bad_photos: Path, run) -> None:
    ended = run()
    left_out = {each["image"]: each for each in ended.summary["left_out"]}

    assert ended.status == 0
    assert set(left_out) == {"empty.jpg", "truncated.jpg", "no photo.png", "one pixel.png"}
    assert left_out["empty.jpg"]["cause"] == left_out["no photo.png"]["cause"] == "unreadable"
    assert all(each["detail"] and each["try"] for each in left_out.values())
    assert ended.summary["images"] == ended.summary["registered"] + len(left_out) == 13
    for name in left_out:
        assert name in ended.stderr


@pytest.mark.slow
def test_a_photo_of_200_megapixels_is_used_and_one_above_256_is_named(photos: Path, six_photos: Path, run) -> None:
    for path in sorted(six_photos.iterdir())[:4]:
        shutil.copy(path, photos)
    PillowImage.open(photos / "0003.jpg").resize((16384, 12288)).save(photos / "0003.jpg", quality=90)
    PillowImage.new("L", (17000, 16000)).save(photos / "huge.png")

    ended = run()

    assert (ended.status, ended.summary["registered"]) == (0, 4)
    assert [(each["image"], each["cause"]) for each in ended.summary["left_out"]] == [("huge.png", "too_large")]


@pytest.mark.parametrize("content", ["nothing", "texts"])
def test_a_folder_without_photos_says_so(content: str, photos: Path, run, tmp_path: Path) -> None:
    if content == "texts":
        for number in range(3):
            (photos / f"{number}.txt").write_text("a text")

    ended = run()

    assert (ended.status, ended.code) == (1, "no_photos")
    assert ended.summary["model"] is None
    assert json.loads((tmp_path / "out" / "recon.json").read_text())["summary"]["error"]["code"] == "no_photos"


def test_a_folder_of_broken_photos_names_one(photos: Path, run) -> None:
    for number in range(3):
        (photos / f"{number}.jpg").write_text("no photo")

    ended = run()

    assert (ended.status, ended.code) == (1, "no_usable_photo")
    assert ended.summary["error"]["file"] == "0.jpg"
    assert len(ended.summary["left_out"]) == 3


def test_one_photo_is_too_few(photos: Path, six_photos: Path, run) -> None:
    shutil.copy(six_photos / "0000.jpg", photos)

    assert (run().status, run().code) == (1, "too_few_photos")


def test_two_photos_make_a_model_of_two(photos: Path, six_photos: Path, run) -> None:
    for name in ("0000.jpg", "0001.jpg"):
        shutil.copy(six_photos / name, photos)

    ended = run()

    assert (ended.status, ended.summary["registered"]) == (0, 2)


def noise(seed: int) -> PillowImage.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return PillowImage.fromarray(coarse).resize((640, 480), PillowImage.Resampling.BICUBIC)


def test_photos_that_do_not_overlap_are_no_model_with_the_reason(photos: Path, run) -> None:
    for seed in range(2):
        noise(seed).save(photos / f"{seed}.png")

    ended = run()

    assert ended.status == 1
    assert ended.summary["error"]["message"]
    assert ended.summary["error"]["try"]
    assert {each["image"] for each in ended.summary["left_out"]} == {"0.png", "1.png"}


def test_blank_photos_are_no_model_with_the_reason(photos: Path, run) -> None:
    for level in (40, 200, 240):
        PillowImage.new("RGB", (640, 480), (level,) * 3).save(photos / f"{level}.png")

    ended = run()

    assert (ended.status, ended.code) == (1, "few_keypoints")
    causes = {each["image"]: each["cause"] for each in ended.summary["left_out"]}
    assert causes == {"40.png": "too_dark", "200.png": "blank", "240.png": "too_bright"}


def test_identical_photos_are_no_model_since_nothing_moved(photos: Path, six_photos: Path, run) -> None:
    for number in range(4):
        shutil.copy(six_photos / "0000.jpg", photos / f"{number}.jpg")

    ended = run()

    assert (ended.status, ended.code) == (1, "no_parallax")


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        (("--extractor", "sfit"), "unknown_plugin", "sift"),
        (("--set", "sift.max_keypoint=5"), "unknown_option", "max_keypoints"),
        (("--set", "sift.max_keypoints=many"), "bad_value", "max_keypoints"),
        (("--camera-model", "PINHOL"), "bad_value", "PINHOLE"),
        (("--device", "tpu"), "bad_value", "tpu"),
        (("--image-list", "/no/such/file"), "missing_file", "/no/such/file"),
        (("--pairs-file", "/no/such/file"), "missing_file", "/no/such/file"),
        (("--single-camera", "--camera-per-image"), "bad_value", "--single-camera"),
        (("--events", "/no/such/folder/events"), "not_writable", "/no/such/folder"),
    ],
)
def test_wrong_usage_is_named_before_any_work(options, code, named, photos: Path, six_photos: Path, run) -> None:
    shutil.copytree(six_photos, photos, dirs_exist_ok=True)

    ended = run(*options)

    assert (ended.status, ended.code) == (2, code)
    assert named in ended.summary["error"]["message"]
    assert ended.summary["seconds"]["extract"] == 0


def test_a_folder_that_is_missing_is_wrong_usage_and_leaves_nothing_behind(tmp_path: Path, run) -> None:
    ended = run()

    assert (ended.status, ended.code) == (2, "missing_file")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["x" * 300, "/proc/out", "/dev/null", "/dev/null/out"])
def test_a_place_where_no_folder_can_be_is_named(name: str, photos: Path, run) -> None:
    ended = run(output=photos.parent / name)

    assert (ended.status, ended.code) == (2, "not_writable")
    assert name in ended.summary["error"]["message"]


def test_photos_in_an_impossible_place_are_missing(run) -> None:
    assert (run(photos=Path("x" * 300)).status, run(photos=Path("/dev/null")).code) == (2, "missing_file")


def test_an_output_with_other_files_is_refused(photos: Path, run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")

    for options in ((), ("--fresh",)):
        ended = run(*options)
        assert (ended.status, ended.code) == (2, "not_a_workspace")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_photos_are_never_written_among(photos: Path, six_photos: Path, run) -> None:
    shutil.copytree(six_photos, photos, dirs_exist_ok=True)

    ended = run(output=photos)

    assert (ended.status, ended.code) == (2, "not_a_workspace")
    assert len(list(photos.iterdir())) == 6


def test_an_output_inside_the_photos_is_not_taken_for_photos(photos: Path, six_photos: Path, run) -> None:
    shutil.copytree(six_photos, photos, dirs_exist_ok=True)

    for _ in range(2):
        ended = run(output=photos / "out")
        shutil.copy(six_photos / "0000.jpg", photos / "out" / "picture.jpg")
        assert (ended.status, ended.summary["images"]) == (0, 6)


@pytest.mark.parametrize(
    ("number", "status", "code"), [(errno.EROFS, 2, "not_writable"), (errno.EACCES, 2, "not_writable")]
)
def test_an_output_that_cannot_be_written_is_named(
    number: int, status: int, code: str, photos: Path, run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(number, "refused", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)

    ended = run()

    assert (ended.status, ended.code) == (status, code)
    assert str(tmp_path / "out") in ended.summary["error"]["message"]


@pytest.mark.parametrize("moment", [0, 2, 5, 8])
def test_a_disk_that_fills_up_is_said_and_the_same_command_goes_on_later(
    moment: int, photos: Path, six_photos: Path, run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Full from the n-th file on."""
    shutil.copytree(six_photos, photos, dirs_exist_ok=True)
    run("--image-list", str(_list_of_one(tmp_path)))  # the workspace is there
    written = [0]
    replace = Path.replace

    def fill(self: Path, target: Path) -> Path:
        written[0] += self.name.endswith(atomic.TEMPORARY_SUFFIX)
        if written[0] > moment + 2:  # after the two of the start
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fill)
        ended = run("--threads", "1")

    assert (ended.status, ended.code) == (1, "disk_full")
    assert str(tmp_path / "out") in ended.summary["error"]["message"]
    assert not list((tmp_path / "out").rglob(f"*{atomic.TEMPORARY_SUFFIX}"))
    assert run("--threads", "1").summary["registered"] == 6


def _list_of_one(folder: Path) -> Path:
    path = folder / "list.txt"
    path.write_text("0000.jpg\n")
    return path
