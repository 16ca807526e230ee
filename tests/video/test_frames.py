"""Videos of several containers are read, blurred frames passed over, and what is no video is called so."""

from __future__ import annotations

import os
import wave

import cv2
import numpy as np
import pytest

from recon.core.errors import Cause, Interrupted, NoModel
from recon.video import frames as frames_module
from recon.video.frames import measure_frames, write_frames
from recon.video.reading import is_video
from recon.video.selection import choose_frames

KINDS = {"clip.mp4": "mp4v", "clip.avi": "MJPG", "clip.mov": "mp4v", "clip.mkv": "mp4v", "clip.3gp": "mp4v"}


@pytest.mark.parametrize("name", KINDS)
def test_every_frame_is_measured_and_those_chosen_are_written(name, pan, write_video, tmp_path):
    pictures = pan(np.arange(60) * 6.0)
    video = write_video(tmp_path / name, pictures, KINDS[name])

    measures = measure_frames(video, threads=1)
    numbers = choose_frames(measures.frames, 10)
    names = write_frames(video, numbers, tmp_path, threads=1)

    assert (measures.num_frames, measures.width, measures.height) == (60, 320, 240)
    assert measures.seconds == pytest.approx(2.4)
    assert not measures.is_cut_short
    assert measures.frames[-1].way == pytest.approx(59 * 6 / 320, rel=0.05)
    assert names == [f"frame_{number:06d}.jpg" for number in numbers]
    for number, written in zip(numbers, names, strict=True):
        differences = cv2.imread(str(tmp_path / written)).astype(float) - pictures[number]
        assert np.abs(differences).mean() < 12  # of the frame before or after: over 40


def test_blurred_frames_are_passed_over(pan, write_video, tmp_path):
    """Two of three frames are shaken; the sharp ones lie in every step."""
    sharp = set(range(0, 90, 3))
    video = write_video(tmp_path / "clip.avi", pan(np.arange(90) * 6.0, set(range(90)) - sharp))

    chosen = choose_frames(measure_frames(video, threads=1).frames, 150)

    assert len(chosen) >= 24
    assert set(chosen) <= sharp


def test_a_frame_shown_twice_is_a_repeat(pan, write_video, tmp_path):
    doubled = [frame for frame in pan(np.arange(20) * 4.0) for _ in range(2)]

    measures = measure_frames(write_video(tmp_path / "clip.avi", doubled), threads=1)

    assert [frame.is_repeat for frame in measures.frames] == [False, True] * 20


def test_of_a_long_video_every_nth_frame_is_measured(pan, write_video, tmp_path, monkeypatch):
    monkeypatch.setattr(frames_module, "MOST_MEASURED", 20)
    video = write_video(tmp_path / "clip.avi", pan(np.arange(50) * 4.0))

    measures = measure_frames(video, threads=1)

    assert [frame.number for frame in measures.frames] == list(range(0, 50, 3))
    assert measures.num_frames == 50


def test_more_threads_measure_the_same(pan, write_video, tmp_path):
    video = write_video(tmp_path / "clip.mp4", pan(np.arange(30) * 5.0), "mp4v")

    assert measure_frames(video, threads=1) == measure_frames(video, threads=2)


def test_a_video_that_is_cut_short_gives_what_it_has(pan, write_video, tmp_path):
    video = write_video(tmp_path / "clip.avi", pan(np.arange(60) * 6.0))
    os.truncate(video, video.stat().st_size // 2)

    measures = measure_frames(video, threads=1)

    assert 10 < measures.num_frames < 50


def test_it_stops_when_asked(pan, write_video, tmp_path):
    video = write_video(tmp_path / "clip.avi", pan(np.arange(10) * 5.0))

    with pytest.raises(Interrupted):
        measure_frames(video, threads=1, should_stop=lambda: True)


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("not a video\n" * 500)


def noise(path):
    path.write_bytes(np.random.default_rng(0).bytes(20_000))


def sound(path):
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(8000)
        stream.writeframes(bytes(16_000))


def playlist(path):
    """It names another video, which must not be opened on its behalf."""
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nother.avi\n#EXT-X-ENDLIST\n")


@pytest.mark.parametrize("make", [empty, text, noise, sound, playlist], ids=lambda make: make.__name__)
def test_what_is_no_video_is_refused_by_name(make, pan, write_video, tmp_path):
    write_video(tmp_path / "other.avi", pan(np.arange(5) * 5.0))
    path = tmp_path / "clip.mp4"
    make(path)

    with pytest.raises(NoModel) as refused:
        measure_frames(path, threads=1)

    assert refused.value.code is Cause.UNREADABLE
    assert refused.value.file == str(path)
    assert refused.value.try_


def test_a_video_without_its_index_is_refused(pan, write_video, tmp_path):
    """An MP4 whose end is missing, as a camera leaves it that ran out of power."""
    video = write_video(tmp_path / "clip.mp4", pan(np.arange(60) * 6.0), "mp4v")
    os.truncate(video, video.stat().st_size // 2)

    with pytest.raises(NoModel, match="cut short"):
        measure_frames(video, threads=1)


def test_a_video_is_known_by_its_suffix(tmp_path):
    for name in ("clip.MP4", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.mp4").mkdir()

    assert is_video(tmp_path / "clip.MP4")
    assert not is_video(tmp_path / "notes.txt")
    assert not is_video(tmp_path / "folder.mp4")
    assert not is_video(tmp_path / "missing.mp4")
    assert not is_video(tmp_path / ("x" * 400 + ".mp4"))
