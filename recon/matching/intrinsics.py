"""What a run says of its cameras: what the user asked for, each camera's intrinsics, and the lines for people."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from recon.matching.grouping import Grouping

SPHERE = "EQUIRECTANGULAR"
FOCAL_FACTOR_WITHOUT_EXIF = 1.2  # of the longer side, as COLMAP's default_focal_length_factor
FISHEYE_DIAGONAL_RAD = 2.9
"""What a fisheye without EXIF is taken to see from corner to corner (166 degrees). Points seen by lenses of 130 to 250
degrees gave the true focal length back from it, to a thousandth."""
_MOST_CAMERAS_DESCRIBED = 6


class FocalSource(StrEnum):
    """Where a camera's focal length came from."""

    GIVEN = "given"
    EXIF_35MM = "exif_35mm"
    EXIF_SENSOR_TABLE = "exif_sensor_table"
    EXIF_FOCAL_PLANE = "exif_focal_plane"
    DEFAULT = "default"
    FISHEYE_DEFAULT = "fisheye_default"
    NONE = "none"
    """A sphere has no focal length."""


_SOURCE_SENTENCES = {
    FocalSource.GIVEN: "as given",
    FocalSource.EXIF_35MM: "from EXIF's 35 mm equivalent",
    FocalSource.EXIF_SENSOR_TABLE: "from EXIF and COLMAP's table of sensor sizes",
    FocalSource.EXIF_FOCAL_PLANE: "from EXIF's focal length and focal plane resolution",
    FocalSource.DEFAULT: f"assumed to be {FOCAL_FACTOR_WITHOUT_EXIF} x the longer side",
    FocalSource.FISHEYE_DEFAULT: f"assumed: a fisheye of {math.degrees(FISHEYE_DIAGONAL_RAD):.0f} degrees",
    FocalSource.NONE: "not needed: the photos are spheres",
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
    file: Path | None = None
    """Of given cameras, COLMAP's or nerfstudio's; photos that it does not name are as if it were not there."""
    rigs: Path | None = None
    """COLMAP's rig_config.json: cameras fixed to each other."""


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
    """Whether two-view geometries may rely on the focal length, in COLMAP's sense: it is more than a guess, or the lens
    is a fisheye, which needs one."""
    is_fixed: bool
    """Whether the mapper must leave the parameters alone."""
    image_names: tuple[str, ...]

    def describe(self) -> str:
        """Return the camera as a line for people."""
        count = len(self.image_names)
        photos = f"{count} photos" if count > 1 else self.image_names[0]
        fixed = ", fixed" if self.is_fixed else ""
        if self.model == SPHERE:
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
