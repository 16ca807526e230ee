"""Which way is up in a model, from how photos are held, and from walls and floors.

People hold a camera level far better than they hold it horizontal: the photo's x axis lies across the vertical within
a few degrees, so that over photos in several directions the vertical is what all x axes are perpendicular to (the
trick of Bundler's and OpenSfM's "upright"). Where all photos look the same way that leaves the tilt open: there a rough
belief that people do not look far up or down stands in, and the walls and floors of the scene, vertical and level.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.georeference.planes import Plane, large_planes

if TYPE_CHECKING:
    import pycolmap

_ROLL_DEG = 3.0
"""Standard error of how level a hand-held photo is. Larger ones weigh less and less (Cauchy)."""
_PITCH_DEG = 15.0
"""How far up or down all photos of a set look together."""
_WALL_DEG, _FLOOR_DEG = 2.0, 4.0
"""Standard error of a wall's being vertical, and of a floor's being level, once it is believed to be one."""
_LEAST_DEG = 1.0
"""What is common to all photos does not average out."""
_MOST_PITCH_DEG = 25.0
"""Mean square of how far up or down the photos look, beyond which their tilt tells nothing of the vertical."""
_LEVEL_ENOUGH_DEG = 5.0
_ROUNDS = 10

# EXIF orientation 1 to 8: where the shown photo's right and down point, in the sensor's pixels, which are mirrored back
# where they are stored mirrored.
_RIGHT_DOWN = (
    ((1, 0), (0, 1)),
    ((1, 0), (0, 1)),
    ((-1, 0), (0, -1)),
    ((-1, 0), (0, -1)),
    ((0, 1), (-1, 0)),
    ((0, -1), (1, 0)),
    ((0, -1), (1, 0)),
    ((0, 1), (-1, 0)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Upright:
    """The upward direction in a model's own frame."""

    up: FloatArray
    """(3,) of length 1."""
    error_deg: float
    """Standard error of the worst direction; 90 says that up is not known."""
    planes: int
    """Walls and floors that bear it out."""


def estimate_up(model: pycolmap.Reconstruction, orientations: Mapping[str, int]) -> Upright:
    """Return the upward direction of a model with at least one registered image.

    Args:
        orientations: EXIF orientation by image name; 1 where it is not given.
    """
    right, down, forward = _axes(model, orientations)
    planes = large_planes(np.array([point.xyz for _, point in sorted(model.points3D.items())]).reshape(-1, 3))
    level = np.ones(len(right))
    up = -down.mean(axis=0)
    information = np.zeros((3, 3))
    for _ in range(_ROUNDS):
        information = _held(right, level) + _looking(forward)
        up = _least(information, down)
        level = 1 / (1 + (np.degrees(right @ up) / _ROLL_DEG) ** 2)
    if not _is_believable(right, forward, level, up):
        return Upright(up, 90.0, 0)
    believed = [term for plane in planes if (term := _plane_term(plane, up, information)) is not None]
    if believed:
        information = information + sum(believed)
        up = _least(information, down)
    return Upright(up, _error_deg(information), len(believed))


def _axes(model: pycolmap.Reconstruction, orientations: Mapping[str, int]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (N, 3) directions in the world: right and down of each photo as it is shown, and where it looks."""
    images = sorted((model.image(image_id) for image_id in model.reg_image_ids()), key=lambda image: image.name)
    world_from_cam = np.array([image.cam_from_world().rotation.matrix().T for image in images])
    shown = np.array([_RIGHT_DOWN[orientations.get(image.name, 1) - 1] for image in images], np.float64)
    right = np.einsum("nij,nj->ni", world_from_cam[:, :, :2], shown[:, 0])
    down = np.einsum("nij,nj->ni", world_from_cam[:, :, :2], shown[:, 1])
    return right, down, world_from_cam[:, :, 2]


def _held(right: FloatArray, level: FloatArray) -> FloatArray:
    """Return the (3, 3) information, in 1/rad², on what is perpendicular to the photos' right."""
    information: FloatArray = np.einsum("n,ni,nj->ij", level, right, right) / np.radians(_ROLL_DEG) ** 2
    return information


def _looking(forward: FloatArray) -> FloatArray:
    # All photos of one person look up or down alike: they count as one.
    information: FloatArray = forward.T @ forward / len(forward) / np.radians(_PITCH_DEG) ** 2
    return information


def _least(information: FloatArray, down: FloatArray) -> FloatArray:
    """Return the direction that the information speaks least against, with the sign that most photos agree on."""
    up = np.linalg.eigh(information)[1][:, 0]
    return up if np.sum(down @ up) < 0 else -up


def _error_deg(information: FloatArray) -> float:
    values = np.linalg.eigvalsh(information)
    return float(min(np.hypot(np.degrees(1 / np.sqrt(max(values[1] - values[0], 1e-9))), _LEAST_DEG), 90.0))


def _is_believable(right: FloatArray, forward: FloatArray, level: FloatArray, up: FloatArray) -> bool:
    """Say whether the photos were held as people do; a camera on its side, or on a robot's arm, was not."""
    if level.mean() < 0.25:  # the typical photo is off by more than 5 degrees
        return False
    values = np.linalg.eigvalsh(_held(right, level))
    if values[1] - values[0] > np.radians(_LEVEL_ENOUGH_DEG) ** -2:
        return True
    pitch = np.degrees(np.arcsin(np.clip(forward @ up, -1, 1)))
    return bool(np.sqrt(np.mean(pitch**2)) < _MOST_PITCH_DEG)


def _plane_term(plane: Plane, up: FloatArray, information: FloatArray) -> FloatArray | None:
    """Return the (3, 3) information of a plane that is vertical or level as far as is known; None for another."""
    slack = 2.0 * np.radians(min(_error_deg(information), 12.0))
    along, across = float(abs(plane.normal @ up)), np.outer(plane.normal, plane.normal)
    if np.arcsin(min(along, 1.0)) < slack:
        wall: FloatArray = across / np.radians(_WALL_DEG) ** 2
        return wall
    if np.arccos(min(along, 1.0)) < slack:
        floor: FloatArray = (np.eye(3) - across) / np.radians(_FLOOR_DEG) ** 2
        return floor
    return None
