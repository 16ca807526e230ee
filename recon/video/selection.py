"""Which frames of a video become photos: of each stretch of the camera's way, the sharpest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_FRAMES = 150
"""Most frames that are taken where the user does not say."""
STEP = 0.05
"""The way in widths of the picture between two frames."""
LEAST_FRAMES = 24
"""Steps become shorter, so that there are this many."""
BLURRED = 0.5
"""A frame less sharp than this part of both its neighbours is blurred: what they show changes little by little."""
STILL = 0.02
"""A camera that moves less than this, in widths, stands still: frames are spread by time."""


@dataclass(frozen=True, slots=True)
class FrameMeasure:
    """What is known of one frame."""

    number: int
    """From 0, in the video."""
    sharpness: float
    """Variance of the Laplacian: comparable between frames that show the same."""
    way: float
    """How far the camera has moved since the first frame, in widths of the picture."""
    is_repeat: bool = False
    """Whether it is the frame before once more."""


def choose_frames(frames: Sequence[FrameMeasure], most: int) -> list[int]:
    """Return the numbers of at most `most` frames, in order: the sharpest of each step of the way."""
    candidates = [frame for frame in frames if not frame.is_repeat]
    length = length_of(frames)
    if length < STILL:
        places = [float(place) for place in range(len(candidates))]
        step = len(candidates) / min(most, LEAST_FRAMES)
    else:
        places = [frame.way for frame in candidates]
        step = step_of(frames, most)
    best: dict[int, FrameMeasure] = {}
    for frame, place in zip(candidates, places, strict=True):
        number = min(int(place / step), most - 1)
        best[number] = max(best.get(number, frame), frame, key=_by_sharpness)
    chosen = [best[number] for number in sorted(best)]
    return [frame.number for frame in _without_blurred(chosen)]


def _without_blurred(chosen: Sequence[FrameMeasure]) -> list[FrameMeasure]:
    """Leave out single steps of which every frame is blurred: their neighbours see the same, sharp."""
    kept = []
    for place, frame in enumerate(chosen):
        beside = [*chosen[max(0, place - 1) : place], *chosen[place + 1 : place + 2]]
        if frame.sharpness >= BLURRED * min((each.sharpness for each in beside), default=0.0):
            kept.append(frame)
    return kept


def length_of(frames: Sequence[FrameMeasure]) -> float:
    """Return the whole way, in widths."""
    return frames[-1].way - frames[0].way


def step_of(frames: Sequence[FrameMeasure], most: int) -> float:
    """Return the way between two frames, in widths: longer where they would be too many, shorter where too few."""
    length = length_of(frames)
    return max(min(STEP, length / LEAST_FRAMES), length / most)


def _by_sharpness(frame: FrameMeasure) -> tuple[float, int]:
    return frame.sharpness, -frame.number
