"""The values that flow between the stages: immutable, shapes checked on creation.

Positions are float pixels, x to the right, y down, and the centre of the top-left pixel is (0.5, 0.5), as
in COLMAP, so that undoing a resize is a plain multiplication.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array, check_shape
from recon.core.errors import Cause


@dataclass(frozen=True, slots=True)
class Exif:
    """What a photo says about its camera and place; None where it does not say."""

    make: str | None = None
    model: str | None = None
    lens: str | None = None
    focal_length_mm: float | None = None
    focal_length_35mm_mm: float | None = None
    """Focal length in millimetres on 35 mm film, as the camera wrote it."""

    focal_plane_px_per_mm: float | None = None
    """Pixels in a millimetre of the sensor, at the size as taken."""
    size_as_taken: tuple[int, int] | None = None
    """Width and height in pixels that the camera wrote down."""
    digital_zoom: float | None = None

    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    position_error_m: float | None = None
    """Radius of the error of latitude and longitude, as the receiver wrote it."""
    taken_at: str | None = None
    """EXIF's DateTimeOriginal, as written."""


@dataclass(frozen=True, slots=True)
class MaskFile:
    """The picture that says which pixels of a photo count: 0 = ignore."""

    path: Path
    width: int
    height: int
    digest: str
    """sha256 of the file's content, hexadecimal."""

    is_upright: bool = False
    """Whether it lies as the photo is shown, and not as its sensor pixels are stored."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A readable photo of the set, before its pixels are decoded."""

    name: str
    """POSIX path relative to the photos' folder, Unicode NFC."""

    path: Path
    width: int
    """Of the sensor pixels as stored, whatever the EXIF orientation."""

    height: int
    orientation: int = 1
    """EXIF orientation, 1 to 8; 1 where the file has none or garbage."""

    digest: str = ""
    """sha256 of the file's content, hexadecimal."""

    exif: Exif = Exif()

    mask: MaskFile | None = None
    """None keeps every pixel."""

    @property
    def shown(self) -> tuple[object, ...]:
        """Everything that decides what an extractor sees of it, for the keys of results."""
        mask = () if self.mask is None else (self.mask.digest, self.mask.is_upright)
        return (self.digest, self.orientation, *mask)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """The pixels of one photo as an extractor sees them: upright, resized to `--max-size`."""

    name: str
    pixels: UInt8Array
    """(H, W, 3) uint8 RGB."""

    mask: UInt8Array | None = None
    """(H, W) uint8, 0 = ignore; None keeps everything."""

    def __post_init__(self) -> None:
        check_shape("pixels", self.pixels, (None, None, 3))
        if self.mask is not None:
            check_shape("mask", self.mask, self.pixels.shape[:2])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The keypoints of one image and their descriptors, row for row.

    N is the number of keypoints (0 is allowed), D the length of a descriptor.
    """

    keypoints: FloatArray
    """(N, 2) float32: x to the right, y down, in pixels of the image of `image_size`.

    The centre of the top-left pixel is (0.5, 0.5). An extractor speaks of the pixels it was given; the
    host maps to full-size sensor pixels.
    """

    descriptors: FloatArray
    """(N, D) float32, rows of length 1."""

    image_size: tuple[int, int]
    """Width and height in pixels of the image that the keypoints lie in."""

    scores: FloatArray | None = None
    """(N,) float32, larger is better; only comparable within one image."""

    scales_px: FloatArray | None = None
    """(N,) float32: the radius of a keypoint's neighbourhood, in pixels."""

    orientations_rad: FloatArray | None = None
    """(N,) float32: from the x axis towards the y axis."""

    def __post_init__(self) -> None:
        num_keypoints = len(self.keypoints)
        check_shape("keypoints", self.keypoints, (num_keypoints, 2))
        check_shape("descriptors", self.descriptors, (num_keypoints, None))
        for name in ("scores", "scales_px", "orientations_rad"):
            values = getattr(self, name)
            if values is not None:
                check_shape(name, values, (num_keypoints,))
                values.setflags(write=False)
        for array in (self.keypoints, self.descriptors):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True, slots=True, order=True)
class ImagePair:
    """Two images by name, name1 < name2: one spelling a pair."""

    name1: str
    name2: str

    def __post_init__(self) -> None:
        if not self.name1 < self.name2:
            raise ValueError(f"an image pair is spelt name1 < name2, got {self.name1!r}, {self.name2!r}")

    @classmethod
    def of(cls, name_a: str, name_b: str) -> ImagePair:
        """Return the pair of two different images named in either order."""
        return cls(min(name_a, name_b), max(name_a, name_b))


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Which keypoints of two images look alike; each keypoint at most once, M = 0 allowed."""

    indices: IntArray
    """(M, 2) uint32: row in the first image's keypoints, row in the second's."""

    scores: FloatArray | None = None
    """(M,) float32, larger is better."""

    def __post_init__(self) -> None:
        check_shape("indices", self.indices, (len(self.indices), 2))
        self.indices.setflags(write=False)
        if self.scores is not None:
            check_shape("scores", self.scores, (len(self.indices),))
            self.scores.setflags(write=False)

    def __len__(self) -> int:
        return len(self.indices)

    @classmethod
    def none(cls) -> Matches:
        """Return the empty set of matches."""
        return cls(np.zeros((0, 2), np.uint32), np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class PairPositions:
    """What an image matcher returns: M positions in two images, row for row."""

    xy1: FloatArray
    """(M, 2) float32 pixels of the first image."""

    xy2: FloatArray
    """(M, 2) float32 pixels of the second image."""

    scores: FloatArray
    """(M,) float32, larger is better."""

    def __post_init__(self) -> None:
        num_matches = len(self.xy1)
        check_shape("xy1", self.xy1, (num_matches, 2))
        check_shape("xy2", self.xy2, (num_matches, 2))
        check_shape("scores", self.scores, (num_matches,))
        for array in (self.xy1, self.xy2, self.scores):
            array.setflags(write=False)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photo that is in no model (or not in the best one), with the reason."""

    image: str
    cause: Cause
    detail: str
    """The numbers behind the cause, in one sentence."""
    try_: str
    """What to do next, in one sentence; a command where there is one."""
    evidence: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The same numbers for programs, as JSON writes them: keypoints, the photos it matches best, ..."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `left_out`: image, cause, detail, try, evidence."""
        return {
            "image": self.image,
            "cause": str(self.cause),
            "detail": self.detail,
            "try": self.try_,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class ModelApart:
    """A model besides the best one, with the reason why the two are not one."""

    model: str
    """Where it lies in the workspace: `sparse/1`."""
    images: int
    cause: Cause
    detail: str
    """The numbers behind the cause, in one sentence."""
    try_: str
    """What to do next, in one sentence; a command where there is one."""
    evidence: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """The same numbers for programs."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `apart`: model, images, cause, detail, try, evidence."""
        return {
            "model": self.model,
            "images": self.images,
            "cause": str(self.cause),
            "detail": self.detail,
            "try": self.try_,
            "evidence": dict(self.evidence),
        }
