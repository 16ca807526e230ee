"""A flight along the cameras of a model: a little behind each one, in the order of a walk past them."""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.output.view_scene import ViewScene
from recon.output.viewpoint import Viewpoint

FIELD_OF_VIEW_DEG = 55.0
"""Across the picture's shorter side: as wide as most photos."""
_BEHIND = 2.0
"""Of the depth of a drawn camera: it frames the view."""
_SMOOTHING = 0.6
"""Of the path, in steps from camera to camera."""
_WORTHWHILE = 0.7
"""A walk to the nearest camera each time is taken where it is shorter than the order of names by this factor."""


def fly_along(shown: ViewScene, size: tuple[int, int], count: int) -> list[Viewpoint]:
    """Return `count` viewpoints along the cameras of a scene, behind the drawn frusta."""
    links, reach = shown.links, shown.scene.viewpoint.distance
    return fly_through(links.centers, links.forward, links.up, size, count, _BEHIND * links.depth, reach)


def fly_through(
    centers: FloatArray,
    forward: FloatArray,
    up: FloatArray,
    size: tuple[int, int],
    count: int,
    back: float,
    reach: float,
) -> list[Viewpoint]:
    """Return `count` viewpoints along the cameras; none where there are no cameras.

    Args:
        centers: (M, 3) of the cameras, by name.
        forward: (M, 3) unit vectors, where they look.
        up: (M, 3) unit vectors, what was up in the photos.
        size: Width and height of the picture, in pixels.
        back: How far behind each camera to fly, in the model's units.
        reach: The distance of what is looked at, for the depth of the picture.
    """
    if not len(centers) or not count:
        return []
    waypoints = np.concatenate([centers - back * forward, forward, up], axis=1)[walking_order(centers)]
    tangent = np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
    tangents = (float(tangent * size[0] / min(size)), float(tangent * size[1] / min(size)))
    return [Viewpoint(row[:3], _looking(row[3:6], row[6:]), tangents, reach) for row in _smooth_path(waypoints, count)]


def walking_order(centers: FloatArray) -> IntArray:
    """Return the (M,) rows of the cameras in the order of the flight.

    That of their names, which is mostly that of the photographer, unless a walk to the nearest one is much shorter.
    """
    by_name = np.arange(len(centers))
    nearest = _nearest_walk(centers)
    shorter = _length(centers[nearest]) < _WORTHWHILE * _length(centers)
    return nearest if shorter else by_name


def _nearest_walk(centers: FloatArray) -> IntArray:
    # From the one farthest from the middle, which is an end of the walk where there are ends.
    here = int(np.argmax(np.linalg.norm(centers - centers.mean(axis=0), axis=1)))
    left = np.ones(len(centers), bool)
    walk = []
    while True:
        walk.append(here)
        left[here] = False
        if not left.any():
            return np.array(walk)
        here = int(np.argmin(np.where(left, np.linalg.norm(centers - centers[here], axis=1), np.inf)))


def _length(path: FloatArray) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _smooth_path(waypoints: FloatArray, count: int) -> FloatArray:
    """Return (count, D) rows along (M, D) waypoints, without corners."""
    places = np.linspace(0, len(waypoints) - 1, count)
    weights = np.exp(-0.5 * ((places[:, None] - np.arange(len(waypoints))) / _SMOOTHING) ** 2)
    rows: FloatArray = weights @ waypoints / weights.sum(axis=1, keepdims=True)
    return rows


def _looking(forward: FloatArray, up: FloatArray) -> FloatArray:
    """Return the (3, 3) rotation of a view forward; opposite directions may have cancelled to nothing."""
    length = float(np.linalg.norm(forward))
    forward = forward / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6:
        right = np.cross(forward, np.eye(3)[np.argmin(np.abs(forward))])
    right /= np.linalg.norm(right)
    return np.array([right, np.cross(forward, right), forward])
