"""Measures every frame of a video, and writes the chosen ones as photos."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.errors import Interrupted
from recon.core.executor import never
from recon.video.motion import MotionMeter
from recon.video.reading import no_frames, open_video
from recon.video.selection import FrameMeasure

MOST_MEASURED = 4000
"""Of a longer video every second, third, ... frame is measured."""
_SHARPNESS_SIDE_PX = 960
_MOTION_SIDE_PX = 480
_REPEAT_LEVELS = 0.5
"""Mean difference in grey levels below which a frame is the one before once more."""
JPEG_QUALITY = 95
_CUT_SHORT = 0.9
"""Part of the announced frames that a whole video has at least: headers round."""

Tell = Callable[[int, int], None]
"""Is told how many frames are done, and of how many."""


@dataclass(frozen=True, slots=True)
class VideoMeasures:
    """What is known of a video before frames of it are chosen."""

    frames: tuple[FrameMeasure, ...]
    """At least one; of a long video every n-th."""
    num_frames: int
    """Frames that could be read."""
    announced: int
    """Frames that the header names; 0 where it names none."""
    frames_per_second: float
    """As the header says; 0 where it does not."""
    width: int
    """Of the frames as shown, in pixels."""
    height: int

    @property
    def seconds(self) -> float:
        """How long the video takes; 0 where that is not known."""
        return self.num_frames / self.frames_per_second if self.frames_per_second > 0 else 0.0

    @property
    def is_cut_short(self) -> bool:
        """Whether it ends before the end that its header announces."""
        return self.num_frames < _CUT_SHORT * self.announced


def _nobody(done: int, total: int) -> None:
    return None


def measure_frames(
    path: Path, threads: int, tell: Tell = _nobody, should_stop: Callable[[], bool] = never
) -> VideoMeasures:
    """Return what the frames of a video show, of a long one every n-th.

    Raises:
        NoModel: UNREADABLE, no frame can be read.
        Interrupted: `should_stop` said so.
    """
    measures: list[FrameMeasure] = []
    meter, before, size = MotionMeter(), None, (0, 0)
    with open_video(path, threads) as video:
        every = max(1, -(-video.announced_frames // MOST_MEASURED))
        for number, frame in video.frames(every):
            _check(should_stop)
            size = frame.shape[1], frame.shape[0]
            grey = _small_grey(frame, _SHARPNESS_SIDE_PX)
            sharpness = _sharpness(grey)
            small = _reduced(grey, _MOTION_SIDE_PX)
            is_repeat = before is not None and _difference(before, small) < _REPEAT_LEVELS
            if not is_repeat:
                way, before = meter.add(small, sharpness), small
            measures.append(FrameMeasure(number, sharpness, way, is_repeat))
            tell(number + 1, max(number + 1, video.announced_frames))
    if not measures:
        raise no_frames(path, "it holds none, or none that can be decoded")
    frames = min(video.announced_frames, measures[-1].number + every) if every > 1 else len(measures)
    return VideoMeasures(tuple(measures), frames, video.announced_frames, video.frames_per_second, *size)


def write_frames(
    path: Path, numbers: Iterable[int], folder: Path, threads: int, should_stop: Callable[[], bool] = never
) -> list[str]:
    """Write frames of a video into a folder as JPEG, and return their names: `frame_000123.jpg` is frame 123.

    Raises:
        NoModel: UNREADABLE, the video cannot be read any more.
        Interrupted: `should_stop` said so.
    """
    import cv2

    names = []
    with open_video(path, threads) as video:
        for number, frame in video.frames(wanted=frozenset(numbers)):
            _check(should_stop)
            name = f"frame_{number:06d}.jpg"
            _, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
            (folder / name).write_bytes(encoded.tobytes())
            names.append(name)
    return names


def _check(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Interrupted("stopped between two frames")


def _small_grey(frame: UInt8Array, side_px: int) -> UInt8Array:
    import cv2

    grey: Any = cv2.cvtColor(_reduced(frame, side_px), cv2.COLOR_BGR2GRAY)
    return np.asarray(grey, np.uint8)


def _reduced(pixels: UInt8Array, side_px: int) -> UInt8Array:
    import cv2

    scale = side_px / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    reduced: Any = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.uint8)


def _sharpness(grey: UInt8Array) -> float:
    """Return the variance of the Laplacian (Pech-Pacheco et al., 2000), in grey levels squared."""
    import cv2

    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def _difference(grey1: UInt8Array, grey2: UInt8Array) -> float:
    import cv2

    return cv2.norm(grey1, grey2, cv2.NORM_L1) / grey1.size
