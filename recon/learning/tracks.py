"""Pairs made of two photos of one thing: places that a model says are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.learning.annotate import AnnotatedPhoto
from recon.learning.crops import around, crop, inside, keypoints_in, mapped
from recon.learning.homographies import MIN_POINTS, WarpOptions
from recon.learning.photometric import relit
from recon.learning.samples import PairSample

_TRIES = 8
_NEAREST_PX = 1.5
"""An observation takes the teacher's descriptor of a keypoint as close as this."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackedPair:
    """Two photos and where a model has the same points in them."""

    photo1: AnnotatedPhoto
    photo2: AnnotatedPhoto
    positions1: FloatArray
    """(M, 2) in the first photo's pixels."""
    positions2: FloatArray
    similarity: FloatArray
    """(2, 3) that maps the first photo roughly to the second."""


def tracked_pair(
    photo1: AnnotatedPhoto, photo2: AnnotatedPhoto, positions1: FloatArray, positions2: FloatArray
) -> TrackedPair | None:
    """Return the pair; None where the photos have too little in common to be told how they lie to each other."""
    if len(positions1) < 2 * MIN_POINTS:
        return None
    similarity, _ = cv2.estimateAffinePartial2D(
        positions1.astype(np.float32), positions2.astype(np.float32), method=cv2.LMEDS
    )
    if similarity is None or not np.isfinite(similarity).all() or abs(np.linalg.det(similarity[:, :2])) < 1e-4:
        return None
    return TrackedPair(photo1, photo2, positions1, positions2, np.asarray(similarity, np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class TrackSource:
    """Makes pairs of crops around common points of photos."""

    pairs: Sequence[TrackedPair]
    options: WarpOptions = field(default_factory=WarpOptions)

    def sample(self, rng: np.random.Generator) -> PairSample:
        """Return a pair of crops."""
        for _ in range(_TRIES):
            sample = self._sample(self.pairs[int(rng.integers(len(self.pairs)))], rng)
            if len(sample.points1) >= MIN_POINTS:
                break
        return sample

    def _sample(self, pair: TrackedPair, rng: np.random.Generator) -> PairSample:
        options, size = self.options, self.options.size
        at = rng.integers(len(pair.positions1))
        turn = pair.similarity[:, :2]
        scale, angle = np.sqrt(abs(np.linalg.det(turn))), np.arctan2(turn[1, 0], turn[0, 0])
        zoom1 = np.exp(rng.uniform(*np.log(options.zoom)))
        zoom2 = zoom1 * scale * options.relative_zoom ** rng.uniform(-0.5, 0.5)
        angle1 = rng.normal(0, np.radians(options.angle_deg))
        # Photos from drones lie upside down to each other: only what is left of the turn is the network's business.
        angle2 = angle1 + angle + rng.normal(0, np.radians(options.relative_angle_deg) / 2)
        offsets = rng.uniform(-0.25, 0.25, (2, 2)) * size
        map1 = around(pair.positions1[at] + offsets[0] * zoom1, zoom1, angle1, size)
        map2 = around(pair.positions2[at] + offsets[1] * zoom2, zoom2, angle2, size)
        outside = rng.random(2)
        images = np.stack([
            relit(crop(pair.photo1.grey, map1, size, outside[0]), rng),
            relit(crop(pair.photo2.grey, map2, size, outside[1]), rng),
        ])  # fmt: skip
        rows1, keypoints1 = keypoints_in(pair.photo1, np.linalg.inv(map1), size)
        rows2, keypoints2 = keypoints_in(pair.photo2, np.linalg.inv(map2), size)
        points1, points2 = (
            mapped(np.linalg.inv(photo_from_crop), positions)
            for photo_from_crop, positions in ((map1, pair.positions1), (map2, pair.positions2))
        )
        in_both = np.flatnonzero(inside(points1, size) & inside(points2, size))
        seen = _spaced(points1, points2, in_both, size)
        return PairSample(
            images=images,
            keypoints1=keypoints1,
            keypoints2=keypoints2,
            scores1=pair.photo1.scores[rows1],
            scores2=pair.photo2.scores[rows2],
            points1=points1[seen].astype(np.float32),
            points2=points2[seen].astype(np.float32),
            jacobians=np.full((len(seen), 2, 2), np.nan, np.float32),
            teacher1=_descriptors_at(pair.photo1, pair.positions1[seen]),
            teacher2=_descriptors_at(pair.photo2, pair.positions2[seen]),
            homography=np.full((3, 3), np.nan),
        )


def _spaced(points1: FloatArray, points2: FloatArray, rows: IntArray, size: int) -> IntArray:
    """Return the rows of which no two lie in the same 4x4 pixels of either crop."""
    for points in (points1, points2):
        cells = (points[rows] // 4).astype(np.int64) @ [1, size]
        rows = rows[np.sort(np.unique(cells, return_index=True)[1])]
    return rows


def _descriptors_at(photo: AnnotatedPhoto, positions: FloatArray) -> FloatArray:
    """Return (M, D) descriptors of the nearest keypoints, zeros where none is near."""
    if not photo.descriptors.size or not len(positions):
        return np.zeros((len(positions), photo.descriptors.shape[1]), np.float32)
    index, distances = nearest(photo.keypoints, positions)
    found = photo.descriptors[index]
    found[distances > _NEAREST_PX] = 0
    return np.asarray(found, np.float32)


def nearest(keypoints: FloatArray, positions: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the nearest keypoint of each position, and how far it is."""
    squares = ((positions[:, None] - keypoints[None]) ** 2).sum(axis=2)
    index = squares.argmin(axis=1)
    return index, np.sqrt(squares[np.arange(len(index)), index])


def pairs_of_tracks(
    photos: Mapping[str, AnnotatedPhoto], tracks: Mapping[str, tuple[IntArray, FloatArray]]
) -> list[TrackedPair]:
    """Return all pairs of photos with enough common points.

    Args:
        photos: By name.
        tracks: For each photo, (M,) ids of points and their (M, 2) positions in the photo's pixels.
    """
    names = sorted(set(photos) & set(tracks))
    pairs = []
    for place, name1 in enumerate(names):
        for name2 in names[place + 1 :]:
            _, index1, index2 = np.intersect1d(tracks[name1][0], tracks[name2][0], return_indices=True)
            pair = tracked_pair(photos[name1], photos[name2], tracks[name1][1][index1], tracks[name2][1][index2])
            if pair is not None:
                pairs.append(pair)
    return pairs
