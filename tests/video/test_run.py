"""`recon run clip.mp4`: the frames stay in the workspace, and are taken once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

import recon
from recon.cli import main

SMALL = ("--max-size", "400", "--max-keypoints", "800", "--threads", "1")


@pytest.fixture(scope="module")
def clip(sample_photos: Path, write_video, tmp_path_factory) -> Path:
    """Return a video of eight photos of the sample set; after each come two that are shaken."""
    photos = [cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_2) for path in sorted(sample_photos.iterdir())[:8]]
    shaken = [(photo, cv2.blur(photo, (13, 1)), cv2.blur(photo, (1, 13))) for photo in photos]
    path = tmp_path_factory.mktemp("clip") / "a clip é.mp4"
    return write_video(path, [frame for frames in shaken for frame in frames], "mp4v")


@pytest.fixture(scope="module")
def _finished(clip: Path, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("video") / "out"
    assert main(["run", str(clip), "-o", str(out), *SMALL]) == 0
    return out


@pytest.fixture
def finished(_finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_finished, tmp_path / "finished"))


def names(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "frames").iterdir())


def stages_since(out: Path, position: int) -> list[str]:
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()[position:]]
    return [event["stage"] for event in events if event["event"] == "StageStarted"]


def num_events(out: Path) -> int:
    return len((out / "events.jsonl").read_text().splitlines())


def test_the_sharp_frames_become_the_model(finished: Path):
    manifest = json.loads((finished / "recon.json").read_text())

    assert names(finished) == [f"frame_{number:06d}.jpg" for number in range(0, 24, 3)]
    assert manifest["summary"]["registered"] == 8
    assert manifest["stages"]["frames"]["facts"]["chosen"] == list(range(0, 24, 3))
    assert set(manifest["stages"]["frames"]["digests"]) == {f"frames/{name}" for name in names(finished)}
    assert "frames" in manifest["files"]
    assert Path(manifest["photos"]).name == "frames"


def test_the_same_command_takes_no_frame_again(finished: Path, clip: Path):
    position = num_events(finished)

    assert main(["run", str(clip), "-o", str(finished), *SMALL]) == 0

    assert stages_since(finished, position) == []


def test_fewer_frames_are_taken_without_measuring_again(finished: Path, clip: Path):
    position = num_events(finished)

    main(["run", str(clip), "-o", str(finished), *SMALL, "--frames", "4"])

    assert len(names(finished)) <= 4
    assert "frames" not in stages_since(
        finished, position
    )  # nothing is measured; writing them takes no stage of its own


def test_a_frame_that_was_damaged_is_written_again(finished: Path, clip: Path):
    frame = finished / "frames" / names(finished)[2]
    whole = frame.read_bytes()
    frame.write_bytes(b"damaged")

    assert main(["run", str(clip), "-o", str(finished), *SMALL]) == 0

    assert frame.read_bytes() == whole


@pytest.mark.slow
def test_a_killed_run_goes_on(clip: Path, tmp_path: Path, finished: Path):
    """At several moments, from the first on; the frames end up the same bytes."""
    out = tmp_path / "killed"
    words = [sys.executable, "-m", "recon", "extract", str(clip), "-o", str(out), *SMALL]
    for part in ("recon.json", "frames.new", "frames"):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (out / part).exists():
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert main(words[3:]) == 0

    assert names(out) == names(finished)
    assert not (out / "frames.new").exists()
    for name in names(out):
        assert (out / "frames" / name).read_bytes() == (finished / "frames" / name).read_bytes()


@pytest.mark.slow
def test_fresh_deletes_the_frames_and_takes_them_again(finished: Path, clip: Path):
    (finished / "frames" / "frame_999999.jpg").write_bytes(b"left over")

    assert main(["extract", str(clip), "-o", str(finished), *SMALL, "--fresh"]) == 0

    assert "frame_999999.jpg" not in names(finished)


def test_the_python_api_takes_a_video(clip: Path, tmp_path: Path):
    result = recon.reconstruct(clip, tmp_path / "out", max_size=400, max_keypoints=800, frames=6, threads=1)

    assert len(names(tmp_path / "out")) <= 6
    assert result.model is not None


def test_a_replay_repeats_the_choice_of_frames(finished: Path, tmp_path: Path):
    assert main(["replay", str(finished), "-o", str(tmp_path / "again")]) == 0

    assert names(tmp_path / "again") == names(finished)


def test_a_replay_uses_the_frames_where_the_video_is_gone(finished: Path, tmp_path: Path):
    path = finished / "recon.json"
    manifest = json.loads(path.read_text())
    manifest["stages"]["frames"]["facts"]["video"] = str(tmp_path / "gone.mp4")
    path.write_text(json.dumps(manifest))

    assert main(["replay", str(finished), "-o", str(tmp_path / "again")]) == 0

    assert not (tmp_path / "again" / "frames").exists()


def test_a_check_judges_the_frames_of_a_video(clip: Path, capsys):
    assert main(["check", str(clip), *SMALL, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert len(told["photos"]) == 8
    assert "8 of 24 frames" in told["notes"][0]


def test_what_is_no_video_ends_with_1_and_a_sentence(tmp_path: Path):
    """In a process of its own, where FFmpeg would say something itself."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(os.urandom(30_000))

    words = [sys.executable, "-m", "recon", "run", str(path), "-o", str(tmp_path / "out"), "--json"]
    run = subprocess.run(words, capture_output=True, text=True)

    assert run.returncode == 1
    assert json.loads(run.stdout)["error"]["code"] == "unreadable"
    assert "no frame of" in run.stderr
    assert "moov" not in run.stderr


def test_one_frame_is_too_few(sample_photos: Path, write_video, tmp_path: Path, capsys):
    photo = cv2.imread(str(min(sample_photos.iterdir())))
    path = write_video(tmp_path / "clip.avi", [photo])

    assert main(["run", str(path), "-o", str(tmp_path / "out"), *SMALL, "--json"]) == 1

    assert json.loads(capsys.readouterr().out)["error"]["code"] == "too_few_photos"


def test_a_folder_of_frames_that_is_not_ours_is_left_alone(finished: Path, clip: Path, tmp_path: Path):
    out = tmp_path / "other"
    assert main(["extract", str(finished / "frames"), "-o", str(out), *SMALL]) == 0
    (out / "frames").mkdir()
    (out / "frames" / "mine.jpg").write_bytes(b"mine")

    assert main(["run", str(clip), "-o", str(out), *SMALL]) == 2

    assert (out / "frames" / "mine.jpg").read_bytes() == b"mine"


def test_the_frames_of_a_workspace_are_no_photos_for_itself(finished: Path, tmp_path: Path):
    """`--fresh` would delete them."""
    assert main(["run", str(finished / "frames"), "-o", str(finished), *SMALL]) == 2


def test_frames_are_an_option_of_videos(six_photos: Path, tmp_path: Path):
    assert main(["run", str(six_photos), "-o", str(tmp_path / "out"), "--frames", "20"]) == 2
    assert main(["run", str(six_photos), "-o", str(tmp_path / "out"), "--frames", "1"]) == 2


@pytest.mark.photos
@pytest.mark.slow
def test_fox_as_a_video(photo_set, write_video, tmp_path: Path):
    """A phone's walk around a toy, some frames of it blurred: every frame that is taken is registered."""
    photos = sorted((photo_set("fox") / "images").iterdir())
    clip = write_video(tmp_path / "fox.mp4", (cv2.imread(str(path)) for path in photos), "mp4v", 10)

    assert main(["run", str(clip), "-o", str(tmp_path / "out"), "--preset", "fast"]) == 0

    summary = json.loads((tmp_path / "out" / "recon.json").read_text())["summary"]
    assert summary["images"] >= 30
    assert summary["registered"] == summary["images"]
