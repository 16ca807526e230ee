"""A point that somebody marked in several photos of a model: where it is, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, UsageError

if TYPE_CHECKING:
    import pycolmap

MIN_ANGLE_DEG = 0.3
"""Between two rays, for their meeting point to mean anything."""
_ROUNDS = 20
_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a photo."""

    name: str
    """Of the photo, as the model calls it."""
    x: float
    """Pixels of the photo as stored; the corner of the top-left pixel is (0, 0)."""
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class MarkedPoint:
    """Where the marks put a point."""

    xyz: FloatArray
    """(3,) in the model's frame."""
    covariance: FloatArray
    """(3, 3) for marks that are off by one pixel (standard error, a direction); the cameras count as exact."""
    errors_px: tuple[float, ...]
    """How far from each mark the point appears."""
    angle_deg: float
    """The largest between two of the rays."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    camera: pycolmap.Camera
    cam_from_world: FloatArray
    center: FloatArray
    ray: FloatArray
    mark: FloatArray


def locate_marks(model: pycolmap.Reconstruction, marks: Sequence[Mark]) -> MarkedPoint:
    """Return the point that appears nearest to all marks.

    Raises:
        UsageError: BAD_VALUE for an unknown photo, one that is not registered or named twice, a mark outside its photo,
            rays that are nearly parallel or meet behind a camera.
    """
    names = [mark.name for mark in marks]
    if len(marks) < 2 or len(set(names)) < len(names):
        raise _bad(
            f"a point needs marks in two different photos, got {', '.join(map(repr, names)) or 'none'}",
            "write for each point: --points photo1:x,y photo2:x,y",
        )
    views = [_view(model, mark) for mark in marks]
    angle = max(_angle_deg(one.ray, other.ray) for one, other in combinations(views, 2))
    if angle < MIN_ANGLE_DEG:
        raise _bad(
            f"the rays to the point marked in {' and '.join(names)} are {angle:.2f} deg apart: their depth is not told",
            "mark the point in photos that were taken farther apart",
        )
    xyz = _meeting_point(views)
    jacobian: FloatArray = np.zeros((2 * len(views), 3))
    for _ in range(_ROUNDS):
        residuals = _residuals(views, xyz)
        jacobian = _jacobian(views, xyz, residuals)
        step = np.linalg.lstsq(jacobian, -residuals, rcond=None)[0]
        xyz = xyz + step
        if np.linalg.norm(step) < 1e-12 * (1 + np.linalg.norm(xyz)):
            break
    errors = np.linalg.norm(_residuals(views, xyz).reshape(-1, 2), axis=1)
    return MarkedPoint(xyz, np.linalg.inv(jacobian.T @ jacobian), tuple(map(float, errors)), angle)


def _view(model: pycolmap.Reconstruction, mark: Mark) -> _View:
    images = {model.image(image_id).name: model.image(image_id) for image_id in model.reg_image_ids()}
    if mark.name not in images:
        unknown = mark.name not in {image.name for image in model.images.values()}
        raise _bad(
            f"{mark.name!r} is no photo of the model" if unknown else f"{mark.name!r} is not registered in the model",
            f"mark the point in one of: {', '.join(sorted(images)[:5])}{', ...' if len(images) > 5 else ''}",
        )
    image = images[mark.name]
    camera = model.camera(image.camera_id)
    if not (0 <= mark.x <= camera.width and 0 <= mark.y <= camera.height):
        raise _bad(
            f"({mark.x:g}, {mark.y:g}) lies outside {mark.name}: {camera.width}x{camera.height} pixels as stored",
            "give pixels of the photo at full size",
        )
    pose = image.cam_from_world()
    straight = camera.cam_from_img(np.array([mark.x, mark.y]))
    if straight is None:
        raise _bad(f"the lens of {mark.name} has no ray at ({mark.x:g}, {mark.y:g})", "mark another point")
    ray = pose.rotation.matrix().T @ np.append(straight, 1.0)
    ray /= np.linalg.norm(ray)
    return _View(camera, pose.matrix(), image.projection_center(), ray, np.array([mark.x, mark.y]))


def _meeting_point(views: Sequence[_View]) -> FloatArray:
    """Return the (3,) point nearest to all rays."""
    across = [np.eye(3) - np.outer(view.ray, view.ray) for view in views]
    total = np.sum(across, axis=0)
    point: FloatArray = np.linalg.solve(
        total, np.sum([each @ view.center for each, view in zip(across, views, strict=True)], axis=0)
    )
    return point


def _residuals(views: Sequence[_View], xyz: FloatArray) -> FloatArray:
    """Return (2N,) pixels."""
    found = []
    for view in views:
        in_cam = view.cam_from_world[:, :3] @ xyz + view.cam_from_world[:, 3]
        seen = view.camera.img_from_cam(in_cam) if in_cam[2] > 0 else None
        if seen is None:
            raise _bad("the rays of the marks meet behind a camera", "check that both marks show the same point")
        found.append(seen - view.mark)
    return np.concatenate(found)


def _jacobian(views: Sequence[_View], xyz: FloatArray, residuals: FloatArray) -> FloatArray:
    size = _STEP * float(np.median([np.linalg.norm(xyz - view.center) for view in views]))
    columns = [(_residuals(views, xyz + size * axis) - residuals) / size for axis in np.eye(3)]
    return np.column_stack(columns)


def _angle_deg(one: FloatArray, other: FloatArray) -> float:
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other)))


def _bad(message: str, next_step: str) -> UsageError:
    return UsageError(message, code=Cause.BAD_VALUE, try_=next_step)
