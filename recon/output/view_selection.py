"""What was picked in a window, and the lines and words that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.output.view_scene import Links

REACH_PX = 7.0
"""How far beside a point a click still means it."""
MOST_LINES = 150
TRACK_COLOR = (90, 220, 255)
MATCH_COLOR = (120, 255, 120)
MEASURE_COLOR = (255, 80, 200)

Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """How the window sees the scene at the moment."""

    intrinsics: FloatArray
    """(3, 3) pinhole matrix, in pixels."""
    cam_from_world: FloatArray
    """(4, 4)"""

    def project(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (N, 2) pixels and (N,) depths of (N, 3) positions; pixels are NaN behind the eye."""
        in_cam = positions @ self.cam_from_world[:3, :3].T + self.cam_from_world[:3, 3]
        depths = in_cam[:, 2]
        in_front = np.where(depths > 0, depths, np.nan)
        return (in_cam @ self.intrinsics.T)[:, :2] / in_front[:, None], depths


class Selection:
    """The last two points and the last two photos that were picked."""

    def __init__(self, positions: FloatArray, links: Links) -> None:
        self._positions = positions
        self._links = links
        self.points: tuple[int, ...] = ()
        self.photos: tuple[int, ...] = ()

    def pick(self, eye: Eye, pixel: tuple[float, float], with_photos: bool = True) -> str:
        """Pick what is drawn at a pixel, and return a sentence about it; nothing there clears what was picked.

        Args:
            with_photos: Whether the cameras are drawn, so that they can be meant.
        """
        point, point_depth = self._nearest_point(eye, pixel)
        photo, photo_depth = self._nearest_photo(eye, pixel) if with_photos else (None, np.inf)
        if point is not None and point_depth <= photo_depth:
            self.pick_point(point)
        elif photo is not None:
            self.pick_photo(photo)
        else:
            self.points = self.photos = ()
        return self.sentence()

    def pick_point(self, point: int) -> None:
        """Make a point the latest of two."""
        self.photos = ()
        self.points = (*self.points[-1:], point) if point not in self.points[-1:] else self.points

    def pick_photo(self, photo: int) -> None:
        """Make a photo the latest of two."""
        self.points = ()
        self.photos = (*self.photos[-1:], photo) if photo not in self.photos[-1:] else self.photos

    def lines(self) -> list[tuple[FloatArray, Color]]:
        """Return (L, 2, 3) ends of lines with their colour.

        Of a point: to every photo that sees it; of two, also the distance between them. Of a photo: to the points
        that it sees; of two: between the places where they see the same point.
        """
        found: list[tuple[FloatArray, Color]] = []
        if self.points:
            found.append((self._track(self.points[-1]), TRACK_COLOR))
            if len(self.points) == 2:
                found.append((self._positions[list(self.points)][None], MEASURE_COLOR))
        elif len(self.photos) == 2:
            found.append((_thinned(self._links.shared(*self.photos)[1]), MATCH_COLOR))
        elif self.photos:
            seen = self._positions[self._links.points_of(self.photos[0])]
            center = self._links.centers[self.photos[0]]
            found.append((_thinned(np.stack([np.broadcast_to(center, seen.shape), seen], axis=1)), TRACK_COLOR))
        return found

    def sentence(self) -> str:
        """Return what was picked, in words."""
        links = self._links
        if self.points:
            names = [links.names[photo] for photo in links.photos_of(self.points[-1])]
            text = f"point {self.points[-1]}: seen by {len(names)} photos ({_some(names)})"
            return f"{text}\n{self._distance()}" if len(self.points) == 2 else text
        if len(self.photos) == 2:
            first, second = (links.names[photo] for photo in self.photos)
            count = len(links.shared(*self.photos)[0])
            return f"{first} and {second}: {count} points in common{_drawn(count)}"
        if self.photos:
            count = len(links.points_of(self.photos[0]))
            return f"{links.names[self.photos[0]]}: sees {count} points{_drawn(count)}"
        return "nothing picked"

    def distance(self) -> tuple[float, str] | None:
        """Return the distance between the two picked points and its unit; None without two of one model."""
        models = {int(self._links.model_of_point[point]) for point in self.points}
        if len(self.points) < 2 or len(models) > 1:
            return None
        (model,) = models
        first, second = self._positions[list(self.points)]
        return float(np.linalg.norm(first - second) * self._links.scales[model]), self._links.units[model]

    def _distance(self) -> str:
        measured = self.distance()
        if measured is None:
            return "the two points are of different models: no distance"
        length, unit = measured
        hint = "" if unit == "m" else ", of the model: `recon scale` makes them metres"
        return f"distance from point {self.points[0]} to point {self.points[1]}: {length:.4g} {unit}{hint}"

    def _track(self, point: int) -> FloatArray:
        centers = self._links.centers[self._links.photos_of(point)]
        return np.stack([np.broadcast_to(self._positions[point], centers.shape), centers], axis=1)

    def _nearest_point(self, eye: Eye, pixel: tuple[float, float]) -> tuple[int | None, float]:
        """Return the frontmost point within reach, and its depth."""
        pixels, depths = eye.project(self._positions)
        beside = np.linalg.norm(pixels - pixel, axis=1)
        near = np.nonzero(beside <= REACH_PX)[0]  # NaN is not
        if not len(near):
            return None, np.inf
        # Half a reach beside is as good as a hundredth farther away.
        chosen = int(near[np.argmin(depths[near] * (1 + 0.02 * beside[near] / REACH_PX))])
        return chosen, float(depths[chosen])

    def _nearest_photo(self, eye: Eye, pixel: tuple[float, float]) -> tuple[int | None, float]:
        """Return the frontmost photo whose picture, or centre, is there, and its depth."""
        if not len(self._links.names):
            return None, np.inf
        corners, depths = eye.project(self._links.corners.reshape(-1, 3))
        corners = corners.reshape(-1, 4, 2)
        edges, to_pixel = np.roll(corners, -1, axis=1) - corners, pixel - corners
        sides = edges[..., 0] * to_pixel[..., 1] - edges[..., 1] * to_pixel[..., 0]
        inside = (sides > 0).all(axis=1) | (sides < 0).all(axis=1)
        centers, _ = eye.project(self._links.centers)
        hit: IntArray = np.nonzero(inside | (np.linalg.norm(centers - pixel, axis=1) <= REACH_PX))[0]
        if not len(hit):
            return None, np.inf
        mean_depths = depths.reshape(-1, 4).mean(axis=1)
        chosen = int(hit[np.argmin(mean_depths[hit])])
        return chosen, float(mean_depths[chosen])


def _thinned(lines: FloatArray) -> FloatArray:
    rows = np.unique(np.linspace(0, len(lines) - 1, min(MOST_LINES, len(lines))).astype(int))
    thinned: FloatArray = lines[rows]
    return thinned


def _drawn(count: int) -> str:
    return f", {MOST_LINES} drawn" if count > MOST_LINES else ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
