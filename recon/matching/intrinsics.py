"""What a run says of its cameras: what the user asked for, each camera's intrinsics, and the lines for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from recon.matching.grouping import Grouping

FOCAL_FACTOR_WITHOUT_EXIF = 1.2  # of the longer side, as COLMAP's default_focal_length_factor
_MOST_CAMERAS_DESCRIBED = 6


class FocalSource(StrEnum):
    """Where a camera's focal length came from."""

    GIVEN = "given"
    EXIF_35MM = "exif_35mm"
    EXIF_SENSOR_TABLE = "exif_sensor_table"
    DEFAULT = "default"


_SOURCE_SENTENCES = {
    FocalSource.GIVEN: "as given",
    FocalSource.EXIF_35MM: "from EXIF's 35 mm equivalent",
    FocalSource.EXIF_SENSOR_TABLE: "from EXIF and COLMAP's table of sensor sizes",
    FocalSource.DEFAULT: f"assumed to be {FOCAL_FACTOR_WITHOUT_EXIF} x the longer side",
}


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """What the user says of the cameras."""

    model: str | None = None
    """COLMAP's name of a camera model; None means SIMPLE_RADIAL."""
    params: tuple[float, ...] | None = None
    """The model's parameters in COLMAP's order; None estimates them."""
    grouping: Grouping = Grouping.AUTO
    refine_intrinsics: bool | None = None
    """Whether the mapper may change intrinsics; None: only those that were not given."""


@dataclass(frozen=True, slots=True)
class CameraGroup:
    """One camera and the photos it took."""

    camera_id: int
    """From 1."""
    model: str
    width: int
    height: int
    params: tuple[float, ...]
    focal_source: FocalSource
    has_prior_focal_length: bool
    """Whether the focal length is more than a guess, in COLMAP's sense."""
    is_fixed: bool
    """Whether the mapper must leave the parameters alone."""
    image_names: tuple[str, ...]

    def describe(self) -> str:
        """Return the camera as a line for people."""
        count = len(self.image_names)
        photos = f"{count} photos" if count > 1 else self.image_names[0]
        fixed = ", fixed" if self.is_fixed else ""
        if self.model == "EQUIRECTANGULAR":
            return f"camera {self.camera_id}: {photos}, {self.width}x{self.height} px, {self.model}"
        return (
            f"camera {self.camera_id}: {photos}, {self.width}x{self.height} px, {self.model}{fixed}"
            f", focal length {self.params[0]:.1f} px {_SOURCE_SENTENCES[self.focal_source]}"
        )


@dataclass(frozen=True, slots=True)
class CameraGrouping:
    """The cameras of a photo set."""

    cameras: tuple[CameraGroup, ...]
    reason: str
    """Who shares a camera and why, in a sentence."""

    def describe(self) -> list[str]:
        """Return lines for people: the grouping, then each camera, or a count where they are many."""
        if len(self.cameras) <= _MOST_CAMERAS_DESCRIBED:
            return [self.reason, *(camera.describe() for camera in self.cameras)]
        counts = Counter(camera.focal_source for camera in self.cameras)
        return [self.reason, *(f"{count} focal lengths {_SOURCE_SENTENCES[it]}" for it, count in counts.most_common())]
