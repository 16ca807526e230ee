"""From the positions of the pairs to the keypoints of the photos, and the matches between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.data import Features, ImageFile, ImagePair, Matches
from recon.core.events import ImageDone, Observer
from recon.core.executor import run_in_order
from recon.matching.features import FeatureSet
from recon.matching.image_pairs import PixelMatching, PositionKeys, find_positions
from recon.matching.images import from_sensor_pixels, load_image, seen_size, to_sensor_pixels
from recon.matching.matches import PairKeys
from recon.matching.merging import merge_positions, merged_matches
from recon.workspace.features import FeatureStore
from recon.workspace.pairs import PairStore
from recon.workspace.positions import SeenPositions


@dataclass(frozen=True)
class PairedPhotos:
    """The photos and pairs of a run, and how the positions of a pair become keypoints."""

    images: Mapping[str, ImageFile]
    pairs: Sequence[ImagePair]
    keys: PositionKeys
    max_size: int
    """Longest side in pixels of the photos as the matcher saw them."""
    radius_px: float
    """Positions this close in a photo as the matcher saw it may be one keypoint."""

    @cached_property
    def pairs_of(self) -> Mapping[str, Sequence[ImagePair]]:
        """The pairs that each photo is in, by name."""
        pairs = defaultdict(list)
        for pair in self.pairs:
            pairs[pair.name1].append(pair)
            pairs[pair.name2].append(pair)
        return pairs

    def keypoints(self, name: str, found: Sequence[SeenPositions]) -> tuple[Features, UInt8Array]:
        """Return the keypoints of a photo in sensor pixels, without descriptors, and their colours.

        Args:
            found: Of each of `pairs_of[name]`.
        """
        sides = [_side(each, pair.name1 == name) for each, pair in zip(found, self.pairs_of[name], strict=True)]
        xy = np.concatenate([each.xy for each in sides] or [np.zeros((0, 2), np.float32)])
        scores = np.concatenate([each.scores for each in sides] or [np.zeros(0, np.float32)])
        colours = np.concatenate([each.colours for each in sides] or [np.zeros((0, 3), np.uint8)])
        merged = merge_positions(xy, scores, self.radius_px)
        image = self.images[name]
        features = Features(
            keypoints=to_sensor_pixels(merged.xy, seen_size(image, self.max_size), image),
            descriptors=np.zeros((len(merged), 0), np.float32),
            image_size=(image.width, image.height),
            scores=merged.weights,
        )
        return features, colours[merged.nearest]

    def matches(self, pair: ImagePair, found: SeenPositions, features1: Features, features2: Features) -> Matches:
        """Return which of two photos' keypoints the positions of their pair join."""
        xy1, xy2 = (
            from_sensor_pixels(features.keypoints, seen_size(image, self.max_size), image)
            for features, image in ((features1, self.images[pair.name1]), (features2, self.images[pair.name2]))
        )
        return merged_matches(xy1, xy2, found.positions, self.radius_px)


@dataclass(frozen=True, slots=True)
class _Side:
    xy: FloatArray
    scores: FloatArray
    colours: UInt8Array


def _side(found: SeenPositions, is_first: bool) -> _Side:
    positions = found.positions
    if is_first:
        return _Side(positions.xy1, positions.scores, found.colours1)
    return _Side(positions.xy2, positions.scores, found.colours2)


def merge_keypoints(
    photos: PairedPhotos,
    keys: Mapping[str, str],
    features: FeatureStore,
    store: PairStore,
    make_matching: Callable[[], PixelMatching],
    *,
    observer: Observer,
    **parallel: Any,
) -> None:
    """Bring the keypoints of every photo into the store of features; those that are there already stay.

    Args:
        keys: The key of each photo's keypoints, by name.
        store: Holds the positions of the pairs; what was damaged there is found again.
        parallel: How `run_in_order` works.

    Raises:
        Interrupted: After the photos that were begun are stored.
    """
    missing = []
    for name in photos.images:
        count = features.count(keys[name])
        if count is None:
            missing.append(name)
        else:
            observer(ImageDone(name=name, keypoints=count, cached=True))

    def read() -> Iterator[tuple[str, Sequence[SeenPositions]]]:
        for name in missing:  # in the calling thread, as SQLite wants it
            yield name, [load_positions(photos, pair, store, make_matching) for pair in photos.pairs_of[name]]

    def merge(task: tuple[str, Sequence[SeenPositions]]) -> tuple[str, int]:
        name, found = task
        return name, len(features.save(keys[name], *photos.keypoints(name, found)))

    for name, count in run_in_order(merge, read(), **parallel):
        observer(ImageDone(name=name, keypoints=count))


def merge_matches(
    photos: PairedPhotos,
    keys: PairKeys,
    features: FeatureSet,
    store: PairStore,
    make_matching: Callable[[], PixelMatching],
    **parallel: Any,
) -> None:
    """Bring the matches of every pair into the store, in rows of `features`; those that are there already stay.

    Raises:
        Interrupted: After the pairs that were begun are stored.
    """
    known = store.counts("matches")
    missing = [pair for pair in photos.pairs if keys.matches(pair) not in known]

    def read() -> Iterator[tuple[ImagePair, SeenPositions]]:
        for pair in missing:
            yield pair, load_positions(photos, pair, store, make_matching)

    def merge(task: tuple[ImagePair, SeenPositions]) -> tuple[ImagePair, Matches]:
        pair, found = task
        return pair, photos.matches(pair, found, features[pair.name1], features[pair.name2])

    for pair, matches in run_in_order(merge, read(), **parallel):
        store.save_matches(keys.matches(pair), matches)


def load_positions(
    photos: PairedPhotos, pair: ImagePair, store: PairStore, make_matching: Callable[[], PixelMatching]
) -> SeenPositions:
    """Return the positions of a pair from the store; what is missing there or damaged is found again."""
    found = store.load_positions(photos.keys.positions(pair))
    if found is None:
        image1, image2 = (load_image(photos.images[name], photos.max_size) for name in (pair.name1, pair.name2))
        found = find_positions(pair, image1, image2, make_matching().matcher)
    return found


@dataclass(frozen=True, slots=True)
class MergedAgain:
    """Makes one photo's keypoints once more, in whatever thread finds them damaged."""

    photos: PairedPhotos
    open_store: Callable[[], PairStore]
    make_matching: Callable[[], PixelMatching]

    def extract(self, image: ImageFile) -> tuple[Features, UInt8Array]:
        """Return the keypoints of a photo in sensor pixels, and their colours."""
        pairs = self.photos.pairs_of[image.name]
        with self.open_store() as store:
            found = [load_positions(self.photos, pair, store, self.make_matching) for pair in pairs]
        return self.photos.keypoints(image.name, found)
