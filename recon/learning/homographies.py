"""Pairs made of one photo: two crops of it, each bent, turned, zoomed and lit differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray
from recon.learning.annotate import AnnotatedPhoto
from recon.learning.crops import around, bent, crop, inside, jacobians, keypoints_in, mapped
from recon.learning.photometric import relit
from recon.learning.samples import PairSample

_TRIES = 8
MIN_POINTS = 16
"""Pairs with fewer common places teach little."""


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How differently the two crops see the photo, at most: each pair takes a share of it."""

    size: int = 256
    """Side of the crops in pixels."""
    zoom: tuple[float, float] = (0.8, 1.9)
    """Pixels of the photo in one of the first crop."""
    relative_zoom: float = 1.6
    """At most so many times larger or smaller is the second."""
    angle_deg: float = 15
    """Standard deviation of the turn of the first crop."""
    relative_angle_deg: float = 20
    """Standard deviation of the turn between the two; twice it at most."""
    bend: float = 0.14
    """Share of its side by which a corner of a crop moves at most."""
    shift: float = 0.2
    """Share of its side by which the middle of the second crop moves at most."""


@dataclass(frozen=True, slots=True, eq=False)
class HomographySource:
    """Makes pairs of photos, each as likely as the next."""

    photos: Sequence[AnnotatedPhoto]
    options: WarpOptions = WarpOptions()

    def sample(self, rng: np.random.Generator) -> PairSample:
        """Return a pair; of a photo with nothing in it, one with few places or none."""
        for _ in range(_TRIES):
            pair = self._pair(self.photos[int(rng.integers(len(self.photos)))], rng)
            if len(pair.points1) >= MIN_POINTS:
                break
        return pair

    def _pair(self, photo: AnnotatedPhoto, rng: np.random.Generator) -> PairSample:
        options, size = self.options, self.options.size
        photo_from_crop1, photo_from_crop2 = self._maps(photo, rng)
        outside = rng.random(2)
        images = np.stack([
            relit(crop(photo.grey, photo_from_crop1, size, outside[0]), rng),
            relit(crop(photo.grey, photo_from_crop2, size, outside[1]), rng),
        ])  # fmt: skip
        rows1, keypoints1 = keypoints_in(photo, np.linalg.inv(photo_from_crop1), options.size)
        rows2, keypoints2 = keypoints_in(photo, np.linalg.inv(photo_from_crop2), options.size)
        crop2_from_crop1 = np.linalg.inv(photo_from_crop2) @ photo_from_crop1
        points2 = mapped(crop2_from_crop1, keypoints1.astype(np.float64))
        seen = inside(points2, size)
        points1, points2, rows = keypoints1[seen], points2[seen].astype(np.float32), rows1[seen]
        return PairSample(
            images=images,
            keypoints1=keypoints1,
            keypoints2=keypoints2,
            scores1=photo.scores[rows1],
            scores2=photo.scores[rows2],
            points1=points1,
            points2=points2,
            jacobians=jacobians(crop2_from_crop1, points1.astype(np.float64)).astype(np.float32),
            teacher1=photo.descriptors[rows],
            teacher2=photo.descriptors[rows],
            homography=crop2_from_crop1,
        )

    def _maps(self, photo: AnnotatedPhoto, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Return the maps from either crop to the photo."""
        options, size = self.options, self.options.size
        strength = rng.random()  # photos of one set are mostly taken from places near each other
        height, width = photo.grey.shape
        largest = max(min(width, height) / size, 0.2)  # a crop shows no more than the photo
        zoom1 = min(np.exp(rng.uniform(*np.log(options.zoom))), largest)
        zoom2 = min(zoom1 * options.relative_zoom ** (strength * rng.uniform(-1, 1)), largest)
        angle1, between = rng.normal(0, np.radians(options.angle_deg)), rng.normal(0, 1)
        angle2 = angle1 + strength * np.clip(between, -2, 2) * np.radians(options.relative_angle_deg)
        reach = np.minimum(zoom1 * size / 2, [width / 2, height / 2])
        center1 = rng.uniform(reach, np.array([width, height]) - reach)
        center2 = center1 + rng.uniform(-options.shift, options.shift, 2) * size * zoom2
        return (
            around(center1, zoom1, angle1, size) @ bent(size, strength * options.bend, rng),
            around(center2, zoom2, angle2, size) @ bent(size, strength * options.bend, rng),
        )
