"""Reads videos with OpenCV's FFmpeg, and says in words when there is nothing to read.

Frames are counted from 0 in the order in which they are shown, and turned as the file's rotation wants it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.arrays import UInt8Array
from recon.core.errors import Cause, NoModel

if TYPE_CHECKING:
    import cv2

VIDEO_SUFFIXES = (*(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".3gp", ".mpg", ".mpeg", ".mts", ".m2ts", ".wmv"),)
_HEADER_BYTES = 4096
_CONVERT = "see whether it plays; `ffmpeg -i {name} -c:v libx264 -crf 16 converted.mp4` writes one that can be read"


def is_video(path: Path) -> bool:
    """Return whether a path names a file with the suffix of a video."""
    # pathlib raises for names that are too long.
    return path.suffix.lower() in VIDEO_SUFFIXES and os.path.isfile(path)  # noqa: PTH113


class Video:
    """An opened video, read once from its first frame to its last."""

    def __init__(self, capture: cv2.VideoCapture, path: Path) -> None:
        import cv2

        self._capture = capture
        self.path = path
        self.frames_per_second = max(0.0, float(capture.get(cv2.CAP_PROP_FPS)))
        """As the file says; 0 where it does not."""
        self.announced_frames = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        """As the file says, which need not be true; 0 where it does not."""

    def frames(self, every: int = 1, wanted: frozenset[int] | None = None) -> Iterator[tuple[int, UInt8Array]]:
        """Yield each frame's number and its (H, W, 3) pixels, blue, green, red.

        Args:
            every: Only the frames 0, `every`, 2 * `every`, ...
            wanted: Only these frames; reading ends after the last of them.
        """
        last = max(wanted, default=-1) if wanted is not None else None
        number = 0
        while (last is None or number <= last) and self._capture.grab():
            if number % every == 0 if wanted is None else number in wanted:
                is_decoded, frame = self._capture.retrieve()
                if not is_decoded:
                    break
                yield number, frame  # type: ignore[misc]
            number += 1


@contextmanager
def open_video(path: Path, threads: int) -> Iterator[Video]:
    """Give an opened video.

    Raises:
        NoModel: UNREADABLE; it is empty, no video, or of a kind that cannot be decoded.
    """
    import cv2

    _check_header(path)
    # Nothing but this file: a playlist that calls itself a video could name others, also elsewhere.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # Named, since others of OpenCV's readers take a name with % for a series of pictures.
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])
    try:
        if not capture.isOpened():
            raise no_frames(path, "it is cut short, holds sound only, or is of a kind that cannot be decoded")
        yield Video(capture, path)
    finally:
        capture.release()
        cv2.utils.logging.setLogLevel(level)


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES)
    except OSError as error:
        raise no_frames(path, f"it cannot be opened: {error.strerror}", f"chmod u+r '{path}'") from error
    if not header:
        raise no_frames(path, "the file is empty (0 bytes)", "copy it from the camera again")
    if b"\0" not in header:  # texts and playlists; the header of every container has zeros
        raise no_frames(path, "it is a text, not a video", "give a video, or a folder of photos")


def no_frames(path: Path, why: str, try_: str | None = None) -> NoModel:
    """Return the error of a video that gives no frames."""
    return NoModel(
        f"no frame of {path} can be read: {why}",
        code=Cause.UNREADABLE,
        file=str(path),
        try_=try_ or _CONVERT.format(name=path.name),
    )
