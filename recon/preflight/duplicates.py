"""Photos that are there twice: the same file, the same picture saved again, or turned or mirrored; and bursts.

A DCT hash of 63 bits finds candidates; then the fine detail of both, reduced to 128x128 pixels, is correlated.
Recompressed (JPEG quality 30), halved, quartered, brightened, turned grey, or cropped by 1 %, photos of lund_door,
fox and temple_ring correlate with themselves at 0.92 to 1.00; two different photos of twelve sets at 0.84 at
most (neighbours on a turntable), since the smallest motion moves fine detail.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.data import ImageFile
from recon.preflight.findings import Finding, Severity, Topic, count

SAME_PICTURE = 0.9
"""Correlation of fine detail from which two files show the same picture."""
SAME_VIEW = 0.5
"""Correlation from which the camera hardly moved: neighbours of a burst or a video."""
_MOST_DIFFERING_BITS = 12
"""Of 63: the same picture differs in at most 10 (a strong change of contrast)."""
_THUMBNAIL_PX = 128
_HASH_PX, _HASH_SIDE = 32, 8
_BLOCK = 256

_TURNS: dict[str, Callable[[UInt8Array], UInt8Array]] = {
    "mirrored": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1, ::-1],
    "mirrored and upside down": lambda pixels: pixels[::-1],
    "turned by 90 degrees": lambda pixels: np.rot90(pixels),
    "turned by 270 degrees": lambda pixels: np.rot90(pixels, 3),
    "mirrored and turned by 90 degrees": lambda pixels: pixels.T,
    "mirrored and turned by 270 degrees": lambda pixels: pixels[::-1, ::-1].T,
}


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is kept of a photo to find it again."""

    thumbnail: UInt8Array
    """(128, 128) uint8, the whole photo upright, whatever its aspect."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Two photos that look alike."""

    image1: str
    image2: str
    correlation: float
    """Of the fine detail, up to 1."""
    turn: str = ""
    """How the second has to be turned to look like the first; empty for not at all."""


def take_fingerprint(grey: UInt8Array) -> Fingerprint:
    """Return the fingerprint of an upright photo from its (H, W) pixels at any size."""
    import cv2

    thumbnail: UInt8Array = cv2.resize(grey, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return Fingerprint(thumbnail)


def find_same_files(images: Sequence[ImageFile]) -> list[list[str]]:
    """Return the names of photos whose files are equal byte for byte, a list for each such file."""
    by_digest = defaultdict(list)
    for image in images:
        by_digest[image.digest].append(image.name)
    return [names for digest, names in by_digest.items() if digest and len(names) > 1]


def find_alike(photos: Mapping[str, Fingerprint]) -> list[Alike]:
    """Return the pairs that show the same picture, turned or not, or nearly the same view."""
    names = list(photos)
    if len(names) < 2:
        return []
    thumbnails = [photos[name].thumbnail for name in names]
    upright = np.array([_hash(pixels) for pixels in thumbnails])
    found = [
        Alike(names[row], names[column], correlation)
        for row, column in _candidates(upright, upright)
        if row < column and (correlation := _correlation(thumbnails[row], thumbnails[column])) >= SAME_VIEW
    ]
    known = {frozenset((each.image1, each.image2)) for each in found}
    for turn, apply in _TURNS.items():
        turned = np.array([_hash(apply(pixels)) for pixels in thumbnails])
        for row, column in _candidates(upright, turned):
            pair = frozenset((names[row], names[column]))
            if row == column or pair in known:
                continue
            correlation = _correlation(thumbnails[row], apply(thumbnails[column]))
            if correlation >= SAME_PICTURE:
                known.add(pair)
                found.append(Alike(names[row], names[column], correlation, turn))
    return found


def _hash(pixels: UInt8Array) -> npt.NDArray[np.bool_]:
    """Return 63 bits: which of the lowest frequencies are above their median."""
    import cv2

    small = cv2.resize(np.ascontiguousarray(pixels), (_HASH_PX, _HASH_PX), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE].ravel()[1:]
    bits: npt.NDArray[np.bool_] = waves > np.median(waves)
    return bits


def _candidates(bits1: npt.NDArray[np.bool_], bits2: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the rows of hashes that differ in few bits."""
    signs2 = np.where(bits2, 1.0, -1.0).astype(np.float32)
    least = bits1.shape[1] - 2 * _MOST_DIFFERING_BITS
    for start in range(0, len(bits1), _BLOCK):
        signs1 = np.where(bits1[start : start + _BLOCK], 1.0, -1.0).astype(np.float32)
        for row, column in np.argwhere(signs1 @ signs2.T >= least):
            yield start + int(row), int(column)


def _correlation(thumbnail1: UInt8Array, thumbnail2: UInt8Array) -> float:
    fine1, fine2 = _fine_detail(thumbnail1), _fine_detail(thumbnail2)
    power = float(np.sqrt((fine1**2).sum() * (fine2**2).sum()))
    # A picture without detail is like any other without: that says nothing.
    return float((fine1 * fine2).sum()) / power if power > fine1.size else 0.0


def _fine_detail(thumbnail: UInt8Array) -> FloatArray:
    import cv2

    pixels = np.ascontiguousarray(thumbnail, np.float32)
    detail = cv2.GaussianBlur(pixels, (0, 0), 0.7) - cv2.GaussianBlur(pixels, (0, 0), 3.0)
    without_mean: FloatArray = detail - detail.mean()
    return without_mean


def find_duplicates(images: Sequence[ImageFile], photos: Mapping[str, Fingerprint]) -> list[Finding]:
    """Return the photos that are there more than once, and how many views hardly differ."""
    findings = []
    copies: set[str] = set()
    for names in find_same_files(images):
        copies |= set(names[1:])
        detail = f"the same file {count(len(names), 'time')}, byte for byte"
        findings.append(
            Finding(Topic.SAME_FILE, Severity.WARNING, detail, tuple(names), "keep one of them: a copy adds nothing")
        )
    alike = find_alike({name: each for name, each in photos.items() if name not in copies})
    for each in alike:
        both = (each.image1, each.image2)
        if each.turn:
            detail = f"the same picture, {each.turn} (fine detail correlates at {each.correlation:.2f})"
            try_ = "remove the turned copy: a mirrored one would build a mirrored second scene"
            findings.append(Finding(Topic.TURNED_COPY, Severity.WARNING, detail, both, try_))
        elif each.correlation >= SAME_PICTURE:
            detail = f"the same picture twice, saved differently (fine detail correlates at {each.correlation:.2f})"
            try_ = "keep the one with more pixels: a copy adds nothing, and its pair has no parallax"
            findings.append(Finding(Topic.SAME_PICTURE, Severity.WARNING, detail, both, try_))
    findings += _same_views([each for each in alike if not each.turn and each.correlation < SAME_PICTURE])
    return findings


def _same_views(alike: Sequence[Alike]) -> list[Finding]:
    if not alike:
        return []
    involved = tuple(sorted({name for each in alike for name in (each.image1, each.image2)}))
    most = max(alike, key=lambda each: each.correlation)
    detail = (
        f"the camera hardly moved between the photos of {count(len(alike), 'pair')}, as in a burst or a video; "
        f"most alike: {most.image1} and {most.image2} (fine detail correlates at {most.correlation:.2f})"
    )
    return [Finding(Topic.SAME_VIEW, Severity.NOTE, detail, involved, "fewer would do, a step apart from each other")]
