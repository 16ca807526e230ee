"""What a run will take: its extractor and matcher timed on two of the photos, and multiplied.

Extraction is the measured time of a photo for every photo, matching that of a pair for every pair, both
divided by the threads. The least is told by processor time, as on a machine with nothing else to do, the most by
the clock. Verification and mapping are not measured here: on temple_ring, lund_door, fountain-P11,
fox and bonsai they took, with `sift` and `nearest`, 0.27 to 0.73 of matching and 0.18 to 0.73 of
extraction, the more the larger the set; hence the range. Memory is a base plus what each thread holds of a photo.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from recon.core.data import ImageFile
from recon.matching.images import seen_size

Answer = TypeVar("Answer")
Range = tuple[float, float]
"""Least and most."""

_SURE = (0.7, 1.6)
"""How far a measured time for two photos is off for all: they differ, and threads share caches."""
_DISTURBED = 1.5
"""Clock over processor time from which other work is at the cores; on lund_door, with a load of 20 on two cores, it
was 4, and the run took twice what halving the clock's time promised."""
_VERIFY_OF_MATCHING = (0.2, 0.8)
_MAP_OF_EXTRACTION = (0.15, 0.4)
_MAP_GROWTH = 0.3
"""The upper share of mapping grows with this power of the photos beyond 20: bonsai's 252 took 0.73."""
_BASE_MB = 230.0
"""Python, OpenCV and pycolmap with a small model: 282 to 296 MB were used at most on temple_ring, 415 on lund_door."""
_BYTES_A_PIXEL = (45.0, 235.0)
"""Of a photo in work: SIFT's scales, and the same with the photo enlarged twofold."""
_MB_A_PHOTO = (0.1, 1.2)
"""Keypoints, matches and observations that a growing model holds."""


@dataclass(frozen=True, slots=True)
class PairForecast:
    """How many pairs will be matched."""

    selector: str
    least: int
    most: int
    reason: str
    """Who says so, in a sentence."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took, in seconds."""

    clock: float
    processor: float
    """Of all threads of this process; less than the clock's where other work takes the cores."""

    @property
    def least(self) -> float:
        """What it would take on a machine with nothing else to do."""
        return min(self.clock, self.processor)


@dataclass(frozen=True, slots=True)
class Probe:
    """What two photos took, in one thread."""

    images: tuple[str, ...]
    extract: Spent
    """On one photo, decoding included."""
    match: Spent
    """On one pair."""
    keypoints: int
    """Of a photo, on average; 0 where the matcher sees pixels."""

    @property
    def is_disturbed(self) -> bool:
        """Whether other work takes the cores, so that a second thread may bring nothing."""
        clock = self.extract.clock + self.match.clock
        return clock > _DISTURBED * (self.extract.processor + self.match.processor)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will take: each from least to most."""

    seconds: dict[str, Range]
    """By stage, and `total`."""
    memory_mb: Range
    basis: str
    """What the numbers stand on, in a sentence."""


def stopwatch(function: Callable[[], Answer]) -> tuple[Answer, Spent]:
    """Return what a function returns, and what it took."""
    clock, processor = time.perf_counter(), time.process_time()
    answer = function()
    return answer, Spent(time.perf_counter() - clock, time.process_time() - processor)


def forecast_seconds(num_photos: int, pairs: PairForecast, probe: Probe, threads: int) -> dict[str, Range]:
    """Return the seconds of each stage, from least to most, and their `total`."""
    at_worst = 1 if probe.is_disturbed else threads
    extract = num_photos * probe.extract.least / threads, num_photos * probe.extract.clock / at_worst
    match = pairs.least * probe.match.least / threads, pairs.most * probe.match.clock / at_worst
    mapped = extract if probe.keypoints else match
    growth = max(1.0, num_photos / 20) ** _MAP_GROWTH
    seconds = {
        "extract": (extract[0] * _SURE[0], extract[1] * _SURE[1]),
        "match": (match[0] * _SURE[0], match[1] * _SURE[1]),
        "verify": (match[0] * _VERIFY_OF_MATCHING[0], match[1] * _VERIFY_OF_MATCHING[1]),
        "map": (mapped[0] * _MAP_OF_EXTRACTION[0], mapped[1] * _MAP_OF_EXTRACTION[1] * growth),
    }
    seconds["total"] = (sum(least for least, _ in seconds.values()), sum(most for _, most in seconds.values()))
    return seconds


def forecast_memory_mb(images: Sequence[ImageFile], max_size: int, threads: int) -> Range:
    """Return the peak memory in megabytes, from least to most."""
    seen = [width * height for width, height in (seen_size(image, max_size) for image in images)]
    stored = [image.width * image.height for image in images]
    # Files are decoded whole in the worst case: no format but JPEG can be decoded at a fraction.
    most = threads * (max(seen, default=0) * _BYTES_A_PIXEL[1] + max(stored, default=0) * 6.0) / 1e6
    least = threads * max(seen, default=0) * _BYTES_A_PIXEL[0] / 1e6
    return (
        _BASE_MB + least + len(images) * _MB_A_PHOTO[0],
        _BASE_MB + most + len(images) * _MB_A_PHOTO[1],
    )


def describe_basis(probe: Probe, threads: int) -> str:
    """Return what the forecast stands on, for people."""
    shared = "1 thread" if threads == 1 else f"{threads} threads"
    photo = f"{probe.extract.least:.2f} s a photo, {probe.keypoints:,} keypoints each, " if probe.keypoints else ""
    busy = ""
    if probe.is_disturbed:
        busy = f" ({probe.extract.clock:.2f} and {probe.match.clock:.3f} by the clock: other work takes the cores)"
    return (
        f"measured now on {' and '.join(probe.images)}: {photo}"
        f"{probe.match.least:.3f} s a pair{busy}, shared by {shared}; verification and mapping as shares of "
        "these, from three photo sets"
    )
