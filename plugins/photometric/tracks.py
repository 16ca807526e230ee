"""The observations of all tracks as flat arrays, and the surface that each track is taken for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .views import Views, groups

FloatArray = npt.NDArray[np.floating[Any]]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_ROUNDS = 3
_TINY = 1e-12
_RAD_PER_OCTAVE = 0.5
_RAD_PER_PIXEL = 0.1
"""What makes a bad reference: seen from aside, larger or smaller than in the other images, a keypoint that is off."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """The observations of every track that at least two posed images have, track after track."""

    images: Rows
    """(O,) rows of `Views`."""
    rows: Rows
    """(O,) rows of the image's keypoints."""
    tracks: Rows
    """(O,) 0, 0, ..., 1, ...: which track."""
    starts: Rows
    """(T,) where each track begins."""

    @classmethod
    def of(cls, tracks: Sequence[Sequence[tuple[str, int]]], views: Views) -> Observations:
        """Return the observations in posed images."""
        place = {name: image for image, name in enumerate(views.names)}
        images: list[int] = []
        rows: list[int] = []
        lengths: list[int] = []
        for track in tracks:
            posed = [(place[name], row) for name, row in track if name in place]
            if len({image for image, _ in posed}) >= 2:
                images += [image for image, _ in posed]
                rows += [row for _, row in posed]
                lengths.append(len(posed))
        starts = np.cumsum([0, *lengths])[:-1].astype(np.intp)
        track_of = np.repeat(np.arange(len(lengths)), lengths)
        return cls(np.array(images, np.intp), np.array(rows, np.intp), track_of, starts)

    def __len__(self) -> int:
        return len(self.images)

    def positions(self, keypoints: Mapping[str, FloatArray], views: Views) -> FloatArray:
        """Return (O, 2) float64 the keypoint of each."""
        xy = np.empty((len(self), 2))
        for image, rows in groups(self.images):
            xy[rows] = keypoints[views.names[image]][self.rows[rows]]
        return xy

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sum over each track of (O, ...) values."""
        sums: FloatArray = np.add.reduceat(values, self.starts, axis=0)
        return sums

    def best(self, costs: FloatArray) -> Rows:
        """Return (T,) the observation of the least cost in each track, the first of equal ones."""
        return np.lexsort((costs, self.tracks))[self.starts]


def triangulate(observations: Observations, views: Views, xy: FloatArray) -> FloatArray:
    """Return (T, 3) the points nearest to the rays of each track.

    Midpoints, weighted so that pixels count and not units of the world: the refiner is told no points.
    """
    centers, rays = views.centers[observations.images], views.rays(observations.images, xy)
    weights: FloatArray = np.ones(len(observations))
    points: FloatArray = np.zeros((len(observations.starts), 3))
    for _ in range(_ROUNDS):
        across = (np.eye(3) - rays[:, :, None] * rays[:, None, :]) * weights[:, None, None]
        left = observations.sums(across)
        right = observations.sums(np.einsum("nab,nb->na", across, centers))
        # Parallel rays meet nowhere, and must not stop the rest.
        left += np.eye(3) * (1e-9 * np.trace(left, axis1=1, axis2=2)[:, None, None] + _TINY)
        points = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        weights = views.pixels_per_unit(observations.images, points[observations.tracks]) ** 2
        weights = weights / np.maximum(observations.sums(weights)[observations.tracks], _TINY)
    return points


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """What each track is taken for: a small plane that faces the mean of its images."""

    points: FloatArray
    """(T, 3) the point of each track."""
    normals: FloatArray
    """(T, 3) of length 1."""
    towards: FloatArray
    """(O, 3) from the point to the image of each observation, of length 1."""
    references: Rows
    """(T,) the observation that the others of its track are aligned with."""

    @classmethod
    def of(cls, observations: Observations, views: Views, xy: FloatArray) -> Surfaces:
        """Return the surfaces of first keypoints, (O, 2)."""
        points = triangulate(observations, views, xy)
        own = points[observations.tracks]
        towards = _unit(views.centers[observations.images] - own)
        normals = _unit(observations.sums(towards))
        angles = np.arccos(np.clip(np.einsum("na,na->n", towards, normals[observations.tracks]), -1, 1))
        sizes = np.log2(views.pixels_per_unit(observations.images, own))
        usual = observations.sums(sizes) / np.bincount(observations.tracks)
        octaves = np.abs(sizes - usual[observations.tracks])
        errors_px = np.nan_to_num(np.linalg.norm(views.project(observations.images, own) - xy, axis=1), nan=np.inf)
        costs = angles + _RAD_PER_OCTAVE * octaves + _RAD_PER_PIXEL * errors_px
        return cls(points, normals, towards, observations.best(costs))

    def nearest(self, observations: Observations, is_good: Mask, is_bad: Mask) -> tuple[Rows, Rows]:
        """Return for each bad observation the good one of its track from the most similar direction.

        Returns:
            The good ones, and the bad ones that have one.
        """
        good: list[int] = []
        bad: list[int] = []
        num_tracks = len(observations.starts)
        has_both = np.bincount(observations.tracks[is_good], minlength=num_tracks) > 0
        has_both &= np.bincount(observations.tracks[is_bad], minlength=num_tracks) > 0
        ends = np.append(observations.starts[1:], len(observations))
        for track in np.flatnonzero(has_both):
            rows = np.arange(observations.starts[track], ends[track])
            sources, targets = rows[is_good[rows]], rows[is_bad[rows]]
            good += sources[(self.towards[targets] @ self.towards[sources].T).argmax(axis=1)].tolist()
            bad += targets.tolist()
        return np.array(good, np.intp), np.array(bad, np.intp)


def _unit(vectors: FloatArray) -> FloatArray:
    lengths: FloatArray = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, _TINY)
