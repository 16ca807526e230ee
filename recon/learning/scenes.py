"""Pairs made of two views of a rendered scene: real perspective, occlusion and light, and exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.core.errors import Cause, ReconError
from recon.learning.annotate import AnnotatedPhoto
from recon.learning.crops import around, crop, inside, keypoints_in, mapped
from recon.learning.homographies import MIN_POINTS, WarpOptions
from recon.learning.photometric import relit
from recon.learning.samples import PairSample
from recon.learning.scene_cache import RenderedScene
from recon.learning.scene_views import SceneView, load_view
from recon.learning.sightings import Sightings

OVERLAP = (0.25, 0.95)
"""Pairs of views that see less of each other are too hard, those that see more too much the same."""
_TRIES = 8
_NEAREST_PX = 1.5
"""A place takes the teacher's descriptor of the second view's keypoint that is as close as this."""
_SPACING_PX = 4


@dataclass(frozen=True, slots=True)
class ViewPair:
    """Two views of a scene that overlap, in an order."""

    scene: RenderedScene
    first: int
    second: int


def view_pairs(scenes: Sequence[RenderedScene]) -> list[ViewPair]:
    """Return the pairs of views that are worth training on.

    Raises:
        ReconError: FEW_KEYPOINTS: there is none.
    """
    pairs = []
    for scene in scenes:
        share = scene.num_seen / np.maximum(scene.num_solid, 1)[:, None]
        fits = (share >= OVERLAP[0]) & (share <= OVERLAP[1]) & (scene.num_seen >= 2 * MIN_POINTS)
        pairs += [ViewPair(scene, int(first), int(second)) for first, second in np.argwhere(fits)]
    if not pairs:
        raise ReconError(
            "no two views of the rendered scenes have enough keypoints in common to learn from",
            code=Cause.FEW_KEYPOINTS,
            try_="render more scenes or larger ones, or take an extractor that finds more keypoints",
        )
    return pairs


@dataclass(frozen=True, slots=True, eq=False)
class SceneSource:
    """Makes pairs of crops around places that two views see, each pair of views as likely as the next."""

    pairs: Sequence[ViewPair]
    options: WarpOptions = field(default_factory=WarpOptions)

    def sample(self, rng: np.random.Generator) -> PairSample:
        """Return a pair of crops.

        Raises:
            ReconError: CORRUPT_FILE; the file of a view is missing or damaged.
        """
        for _ in range(_TRIES):
            pair = self.pairs[int(rng.integers(len(self.pairs)))]
            view1, view2 = load_view(pair.scene.paths[pair.first]), load_view(pair.scene.paths[pair.second])
            sample = self._sample(view1, view2.photo, view1.seen_in[pair.second], rng)
            if len(sample.points1) >= MIN_POINTS:
                break
        return sample

    def _sample(
        self, view1: SceneView, photo2: AnnotatedPhoto, seen: Sightings, rng: np.random.Generator
    ) -> PairSample:
        photo1, size = view1.photo, self.options.size
        positions1 = photo1.keypoints[seen.rows].astype(np.float64)
        map1, map2 = self._maps(photo1, photo2, positions1, seen, rng)
        outside = rng.random(2)
        images = np.stack([
            relit(crop(photo1.grey, map1, size, outside[0]), rng),
            relit(crop(photo2.grey, map2, size, outside[1]), rng),
        ])  # fmt: skip
        rows1, keypoints1 = keypoints_in(photo1, np.linalg.inv(map1), size)
        rows2, keypoints2 = keypoints_in(photo2, np.linalg.inv(map2), size)
        points1 = mapped(np.linalg.inv(map1), positions1)
        points2 = mapped(np.linalg.inv(map2), seen.positions.astype(np.float64))
        places = _best_spaced(points1, points2, photo1.scores[seen.rows], size)[: len(rows1)]
        inner = np.linalg.inv(map2)[:2, :2] @ seen.jacobians[places].astype(np.float64) @ map1[:2, :2]
        taught1 = photo1.descriptors[seen.rows[places]].astype(np.float32)
        return PairSample(
            images=images,
            keypoints1=keypoints1,
            keypoints2=keypoints2,
            scores1=photo1.scores[rows1],
            scores2=photo2.scores[rows2],
            points1=points1[places].astype(np.float32),
            points2=points2[places].astype(np.float32),
            jacobians=inner.astype(np.float32),
            teacher1=taught1,
            teacher2=_descriptors_near(photo2, seen.positions[places], otherwise=taught1),
            homography=np.full((3, 3), np.nan),
        )

    def _maps(
        self,
        photo1: AnnotatedPhoto,
        photo2: AnnotatedPhoto,
        positions1: FloatArray,
        seen: Sightings,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the (3, 3) maps from the crops to the photos, around a place that both show."""
        options, size = self.options, self.options.size
        largest = min(*photo1.grey.shape, *photo2.grey.shape) / size  # a crop shows no more than the photo
        at = rng.integers(len(positions1))
        zoom1 = min(np.exp(rng.uniform(*np.log(options.zoom))), largest)
        angle1, between = rng.normal(0, np.radians(options.angle_deg)), rng.normal(0, 1)
        center1 = _within(positions1[at] + rng.uniform(-0.25, 0.25, 2) * size * zoom1, zoom1 * size, photo1)
        near = np.abs(positions1 - center1).max(axis=1) < zoom1 * size / 2
        scale, turn, center2 = _similarity(positions1[near], seen.positions[near], center1)
        zoom2 = min(zoom1 * scale * options.relative_zoom ** rng.uniform(-1, 1), largest)
        angle2 = angle1 + turn + np.clip(between, -2, 2) * np.radians(options.relative_angle_deg)
        center2 = center2 + rng.uniform(-options.shift, options.shift, 2) * size * zoom2
        map2 = around(_within(center2, zoom2 * size, photo2), zoom2, angle2, size)
        return around(center1, zoom1, angle1, size), map2


def _within(center: FloatArray, side: float, photo: AnnotatedPhoto) -> FloatArray:
    """Return the place nearest to a center around which a square lies inside a photo."""
    height, width = photo.grey.shape
    reach = np.minimum(side / 2, [width / 2, height / 2])
    return np.clip(center, reach, np.array([width, height]) - reach)


def _similarity(positions1: FloatArray, positions2: FloatArray, center1: FloatArray) -> tuple[float, float, FloatArray]:
    """Return how many times larger and by which angle turned positions are in the second view, and where a center is.

    The similarity fits best by least squares, in complex numbers.
    """
    first, second = (positions.astype(np.float64) @ [1, 1j] for positions in (positions1, positions2))
    first_mean, second_mean = first.mean(), second.mean()
    spread = (np.abs(first - first_mean) ** 2).sum()
    factor = (np.conj(first - first_mean) @ (second - second_mean)) / spread if spread > 0 else 1.0
    center = second_mean + factor * (center1 @ [1, 1j] - first_mean)
    scale = float(np.clip(np.abs(factor), 0.4, 2.5))
    return scale, float(np.angle(factor)), np.array([center.real, center.imag])


def _best_spaced(points1: FloatArray, points2: FloatArray, scores: FloatArray, size: int) -> IntArray:
    """Return the rows of the points in both crops, the best alone where two share 4x4 pixels of either crop."""
    rows = np.flatnonzero(np.logical_and(inside(points1, size), inside(points2, size)))
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    for points in (points1, points2):
        cells = (points[rows] // _SPACING_PX).astype(np.int64) @ [1, size]
        rows = rows[np.sort(np.unique(cells, return_index=True)[1])]
    return rows


def _descriptors_near(photo: AnnotatedPhoto, positions: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Return (M, D) float32 descriptors of the keypoints nearest to positions, or `otherwise` where none is near."""
    found = otherwise.copy()
    if not photo.descriptors.shape[1] or not len(positions):
        return found
    low, high = positions.min(axis=0) - _NEAREST_PX, positions.max(axis=0) + _NEAREST_PX
    around_all = np.flatnonzero(((photo.keypoints >= low) & (photo.keypoints <= high)).all(axis=1))
    if len(around_all):
        squares = ((positions[:, None] - photo.keypoints[around_all]) ** 2).sum(axis=2)
        is_near = squares.min(axis=1) <= _NEAREST_PX**2
        found[is_near] = photo.descriptors[around_all[squares.argmin(axis=1)[is_near]]]
    return found
