"""The posed images, and how a place looks from one of them when another's view of it is known.

Positions are full-size pixels, COLMAP origin; points and directions are in the world frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pycolmap

FloatArray = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.intp]

_TINY = 1e-12
_REACH_PX = 3.0
"""From a pixel to those between which its neighbourhood's shape is measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The posed images, in the order of their names."""

    names: tuple[str, ...]
    cameras: tuple[pycolmap.Camera, ...]
    rotations: FloatArray
    """(I, 3, 3) float64, world to camera."""
    translations: FloatArray
    """(I, 3) float64, world to camera."""

    @classmethod
    def of(cls, cameras: Mapping[str, pycolmap.Camera], poses: Mapping[str, pycolmap.Rigid3d]) -> Views:
        """Return the images that have both a camera and a pose."""
        names = tuple(sorted(cameras.keys() & poses.keys()))
        matrices = np.array([poses[name].matrix() for name in names]).reshape(-1, 3, 4)
        return cls(names, tuple(cameras[name] for name in names), matrices[:, :, :3], matrices[:, :, 3])

    @property
    def centers(self) -> FloatArray:
        """(I, 3) the projection centres."""
        centers: FloatArray = -np.einsum("iba,ib->ia", self.rotations, self.translations)
        return centers

    def rays(self, images: Rows, xy: FloatArray) -> FloatArray:
        """Return (N, 3) directions through pixels, of length 1."""
        directions = np.empty((len(xy), 3))
        for image, rows in groups(images):
            in_camera: Any = self.cameras[image].cam_from_img(np.ascontiguousarray(xy[rows], np.float64))
            directions[rows] = np.column_stack([in_camera, np.ones(len(rows))]) @ self.rotations[image]
        lengths: FloatArray = np.linalg.norm(directions, axis=1, keepdims=True)
        return directions / lengths

    def project(self, images: Rows, points: FloatArray) -> FloatArray:
        """Return (N, 2) pixels of points; not a number for those behind the camera."""
        xy = np.full((len(points), 2), np.nan)
        for image, rows in groups(images):
            in_camera = points[rows] @ self.rotations[image].T + self.translations[image]
            is_before = in_camera[:, 2] > _TINY
            if is_before.any():
                xy[rows[is_before]] = self.cameras[image].img_from_cam(np.ascontiguousarray(in_camera[is_before]))
        return xy

    def pixels_per_unit(self, images: Rows, points: FloatArray) -> FloatArray:
        """Return (N,) how many pixels a length of 1 at each point, seen from the front, covers in its image."""
        focals = np.array([camera.mean_focal_length() for camera in self.cameras])
        depths = np.einsum("na,na->n", self.rotations[images, 2], points) + self.translations[images, 2]
        pixels: FloatArray = focals[images] / np.maximum(depths, _TINY)
        return pixels

    def shapes(
        self, images1: Rows, xy1: FloatArray, images2: Rows, points: FloatArray, normals: FloatArray
    ) -> FloatArray:
        """Return how the neighbourhoods of pixels in one image appear in others, the surface being a plane.

        Args:
            points: (N, 3) a point of each plane.
            normals: (N, 3) its direction, of length 1.

        Returns:
            (N, 2, 2) pixels of image 2 by pixels of image 1; not a number where the plane is seen edge-on or from
            behind.
        """
        count = len(xy1)
        aside = _REACH_PX * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
        rays = self.rays(np.tile(images1, 4), (xy1 + aside[:, None]).reshape(-1, 2)).reshape(4, count, 3)
        centers = self.centers[images1]
        heights = np.einsum("na,na->n", normals, points - centers)
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = heights / np.einsum("na,kna->kn", normals, rays)
        distances[~(distances > 0)] = np.nan
        places = centers + rays * distances[:, :, None]
        xy2 = self.project(np.tile(images2, 4), places.reshape(-1, 3)).reshape(4, count, 2)
        shapes: FloatArray = np.stack([xy2[0] - xy2[1], xy2[2] - xy2[3]], axis=-1) / (2 * _REACH_PX)
        return shapes


def groups(labels: Rows) -> Iterator[tuple[int, Rows]]:
    """Yield each label with the rows that carry it, by label."""
    order = np.argsort(labels, kind="stable")
    ends = np.flatnonzero(np.diff(labels[order])) + 1
    for rows in np.split(order, ends):
        if len(rows):
            yield int(labels[rows[0]]), rows
