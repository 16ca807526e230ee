"""The points of a model with the photos that see them, as files of tracks list them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pycolmap


class Sighting(NamedTuple):
    """Where a photo sees a point."""

    image_row: int
    """In the list of images."""
    keypoint_row: int
    x: float
    """To the right of the principal point, in pixels."""
    y: float
    """Below the principal point, in pixels."""


class Track(NamedTuple):
    """A point and its sightings."""

    position: tuple[float, float, float]
    color: tuple[int, int, int]
    """RGB, 0 to 255."""
    sightings: list[Sighting]


def finite_tracks(model: pycolmap.Reconstruction, images: Sequence[pycolmap.Image]) -> list[Track]:
    """Return the tracks of the points with a finite position, by point id; only in these images."""
    rows = {image.image_id: row for row, image in enumerate(images)}
    positions = {image.image_id: np.array([p.xy for p in image.points2D]).reshape(-1, 2) for image in images}
    for image in images:
        camera = model.camera(image.camera_id)
        positions[image.image_id] -= (camera.principal_point_x, camera.principal_point_y)
    tracks = []
    for _, point in sorted(model.points3D.items()):
        if not np.isfinite(point.xyz).all():
            continue
        seen = [
            Sighting(rows[each.image_id], each.point2D_idx, *positions[each.image_id][each.point2D_idx].tolist())
            for each in point.track.elements
            if each.image_id in rows
        ]
        x, y, z = point.xyz.tolist()
        red, green, blue = point.color.tolist()
        tracks.append(Track((x, y, z), (red, green, blue), seen))
    return tracks


def exact_words(numbers: Iterable[float]) -> str:
    """Return numbers between blanks, with the digits that give back the same 64 bits."""
    return " ".join(repr(float(number)) for number in numbers)
