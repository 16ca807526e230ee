"""What a window needs beyond a picture: who sees which point and where, units, and the photos made small."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.output.scene import Scene
from recon.output.view_photos import PhotoSheet


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Which of the M photos sees which of the N points, and where, for all the models that are shown."""

    names: tuple[str, ...]
    """(M,) of the photos."""
    centers: FloatArray
    """(M, 3) projection centres."""
    corners: FloatArray
    """(M, 4, 3) of the drawn pictures: top left, top right, bottom right, bottom left."""
    forward: FloatArray
    """(M, 3) unit vectors, where the photos look."""
    up: FloatArray
    """(M, 3) unit vectors, what was up in the photos."""
    model_of_point: IntArray
    """(N,) place of its model in the list."""
    seen_points: IntArray
    """(S,) row of the point of each sighting, ascending."""
    seen_by: IntArray
    """(S,) row of the photo of each sighting."""
    places: FloatArray
    """(S, 3) where the sighting is on the drawn picture."""
    units: tuple[str, ...]
    """(K,) what each model's lengths are measured in."""
    scales: FloatArray
    """(K,) model units in one unit of the scene."""

    @property
    def depth(self) -> float:
        """How deep the cameras are drawn, in the scene's units."""
        depths = np.linalg.norm(self.corners.mean(axis=1) - self.centers, axis=1)
        return float(np.median(depths)) if len(depths) else 1.0

    def photos_of(self, point: int) -> IntArray:
        """Return the rows of the photos that see a point."""
        first, last = np.searchsorted(self.seen_points, [point, point + 1])
        photos: IntArray = self.seen_by[first:last]
        return photos

    def points_of(self, photo: int) -> IntArray:
        """Return the rows of the points that a photo sees."""
        points: IntArray = self.seen_points[self.seen_by == photo]
        return points

    def shared(self, first: int, second: int) -> tuple[IntArray, FloatArray]:
        """Return the (P,) points that two photos see, and their (P, 2, 3) places on the two drawn pictures."""
        rows = [np.nonzero(self.seen_by == photo)[0] for photo in (first, second)]
        first_points, second_points = (self.seen_points[each] for each in rows)
        points, left, right = np.intersect1d(first_points, second_points, return_indices=True)
        return points, np.stack([self.places[rows[0][left]], self.places[rows[1][right]]], axis=1)


def mean_up(links: Links) -> FloatArray:
    """Return the (3,) unit vector that was up in the photos, on the whole."""
    mean = links.up.mean(axis=0) if len(links.up) else np.zeros(3)
    length = float(np.linalg.norm(mean))
    return mean / length if length > 1e-9 else np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True, slots=True, eq=False)
class ViewScene:
    """Everything that a window shows, as plain arrays that one process can hand to another."""

    scene: Scene
    links: Links
    sheet: PhotoSheet

    def write(self, path: Path) -> None:
        """Write all of it as one npz file."""
        arrays = self.scene.arrays()
        for part, value in (("links", self.links), ("sheet", self.sheet)):
            arrays |= {f"{part}.{each.name}": np.array(getattr(value, each.name)) for each in fields(value)}
        with path.open("wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def read(cls, path: Path) -> ViewScene:
        """Return what `write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            parts: dict[str, dict[str, Any]] = {"links": {}, "sheet": {}}
            for key in arrays.files:
                part, _, name = key.partition(".")
                if name:
                    parts[part][name] = tuple(arrays[key].tolist()) if name in _TEXTS else arrays[key]
            return cls(Scene.from_arrays(arrays), Links(**parts["links"]), PhotoSheet(**parts["sheet"]))


_TEXTS = ("names", "units")
