"""Where the photos of a georeferenced model were taken, and where they look: what maps show.

Heading, tilt and roll are KML's: a camera that looks straight down with north on top is turned clockwise by the
heading, tilted up (90 degrees is the horizon), and turned about its own view. They speak of the photo as stored, and of
north and up at its own place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, UsageError
from recon.core.frame import ModelFrame, Origin
from recon.georeference.geodesy import enu_rotation, geodetic_from_enu
from recon.output.photo_files import registered_images

if TYPE_CHECKING:
    import pycolmap

_KML_AXES = np.diag([1.0, -1.0, -1.0])
"""From OpenCV's camera axes to x right, y up, z backward."""
_STRAIGHT = 1e-9


@dataclass(frozen=True, slots=True)
class PhotoPlace:
    """One photo on the map."""

    name: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None
    """As the photos' GPS counts it; None where no photo told one."""
    up_m: float
    """Above the model's origin."""
    heading_deg: float
    """Clockwise from north, 0 to 360."""
    tilt_deg: float
    """0 is straight down, 90 the horizon."""
    roll_deg: float
    camera: str
    width: int
    height: int
    observations: int


def photo_places(model: pycolmap.Reconstruction, frame: ModelFrame | None, file_format: str) -> list[PhotoPlace]:
    """Return the registered photos by name.

    Raises:
        UsageError: BAD_VALUE where nothing says where on earth the model lies.
    """
    origin = origin_of(frame, file_format)
    images = registered_images(model)
    centers = np.array([image.projection_center() for image in images]).reshape(-1, 3)
    places = []
    for image, enu, geodetic in zip(images, centers, geodetic_from_enu(centers, origin), strict=True):
        camera = model.camera(image.camera_id)
        here = Origin(float(geodetic[0]), float(geodetic[1]), float(geodetic[2]))
        local = enu_rotation(here) @ enu_rotation(origin).T @ image.cam_from_world().rotation.matrix().T
        places.append(
            PhotoPlace(
                image.name,
                here.latitude_deg,
                here.longitude_deg,
                here.altitude_m if origin.altitude_m is not None else None,
                float(enu[2]),
                *_heading_tilt_roll(local @ _KML_AXES),
                camera.model_name,
                camera.width,
                camera.height,
                image.num_points3D,
            )
        )
    return places


def origin_of(frame: ModelFrame | None, file_format: str) -> Origin:
    """Return the place on earth of a model's origin.

    Raises:
        UsageError: BAD_VALUE where nothing says it.
    """
    if frame is None or frame.origin is None:
        units = "arbitrary" if frame is None else str(frame.units)
        raise UsageError(
            f"{file_format} needs places on earth, and nothing says where the model lies (its units are {units})",
            code=Cause.BAD_VALUE,
            try_="photos with GPS in their EXIF give that: `recon run PHOTOS --world gps` says why it does not hold",
        )
    return frame.origin


def _heading_tilt_roll(world_from_camera: FloatArray) -> tuple[float, float, float]:
    """Return degrees of the rotation Rz(-heading) Rx(tilt) Rz(roll)."""
    east, north, up = world_from_camera
    tilt = np.arctan2(np.hypot(up[0], up[1]), up[2])
    if np.sin(tilt) > _STRAIGHT:
        heading, roll = np.arctan2(-east[2], -north[2]), np.arctan2(up[0], up[1])
    else:  # straight down or up: heading and roll are one turn
        heading, roll = np.arctan2(-north[0], east[0]), 0.0
    heading_deg, tilt_deg, roll_deg = np.degrees([heading, tilt, roll])
    return float(heading_deg % 360), float(tilt_deg), float(roll_deg)
