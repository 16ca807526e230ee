"""Which points of a model are well enough seen to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray

if TYPE_CHECKING:
    import pycolmap

MAX_ERROR_PX = 2.0
MIN_ANGLE_DEG = 1.5
"""Between the outermost rays: points seen from almost one direction have no depth to speak of."""


def certain_points(model: pycolmap.Reconstruction, min_track_length: int) -> list[int]:
    """Return the ids of the points with a small error, enough photos that see them, and an angle between their rays."""
    centers = {number: model.image(number).projection_center() for number in model.reg_image_ids()}
    certain = []
    for point_id, point in sorted(model.points3D.items()):
        seen_from = {element.image_id for element in point.track.elements} & centers.keys()
        if len(seen_from) < min_track_length or point.error > MAX_ERROR_PX or not np.isfinite(point.xyz).all():
            continue
        if _widest_angle_deg(np.array([centers[number] for number in seen_from]) - point.xyz) >= MIN_ANGLE_DEG:
            certain.append(point_id)
    return certain


def _widest_angle_deg(directions: FloatArray) -> float:
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    return float(np.degrees(np.arccos(np.clip((unit @ unit.T).min(), -1.0, 1.0))))
