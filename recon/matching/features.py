"""Runs the extractor over the photos, and gives the features by photo, read when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from recon.core.arrays import UInt8Array
from recon.core.components import FeatureExtractor
from recon.core.data import Features, Image, ImageFile, LeftOut
from recon.core.errors import ReconError
from recon.core.events import ImageDone, Observer, Warned
from recon.core.executor import PoolFactory, never, run_in_order, thread_pool
from recon.matching.extraction import Extraction, in_sensor_pixels
from recon.matching.images import load_image
from recon.matching.ticker import Ticker
from recon.matching.unreadable import UnreadableImage
from recon.workspace.features import FeatureStore

_BATCH = 8
"""Most photos that `extract_batch` gets at a time."""
_Value = TypeVar("_Value")


class FeatureSource(Protocol):
    """Makes the features of one photo."""

    def extract(self, image: ImageFile) -> tuple[Features, UInt8Array]:
        """Return the features in sensor pixels, and the (N, 3) RGB colour of each keypoint."""
        ...


class FeatureSet(Mapping[str, Features]):
    """Features by photo name, in full-size sensor pixels, read from the store when they are asked for.

    What is missing there or damaged is made again.
    """

    def __init__(
        self,
        images: Iterable[ImageFile],
        keys: Mapping[str, str],
        store: FeatureStore,
        make_extraction: Callable[[], FeatureSource],
    ) -> None:
        self._images = {image.name: image for image in images}
        self._keys = keys
        self._store = store
        self._make_extraction = make_extraction
        self._redoing = threading.Lock()

    def __getitem__(self, name: str) -> Features:
        return self._with_redo(name, self._store.load)

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)

    def colours(self, name: str) -> UInt8Array:
        """Return the (N, 3) uint8 RGB colour of each keypoint of a photo."""
        return self._with_redo(name, self._store.load_colours)

    def _with_redo(self, name: str, load: Callable[[str], _Value]) -> _Value:
        key = self._keys[name]
        try:
            return load(key)
        except ReconError:
            with self._redoing:  # rare, and not every extractor may be called from several threads
                self._store.save(key, *self._make_extraction().extract(self._images[name]))
            return load(key)


@dataclass(frozen=True, slots=True)
class ExtractionOutcome:
    """What became of the photos."""

    num_keypoints: Mapping[str, int]
    """By photo name; photos that could not be read are missing."""

    unreadable: tuple[LeftOut, ...]
    num_cached: int


def extract_features(
    images: Sequence[ImageFile],
    keys: Mapping[str, str],
    store: FeatureStore,
    make_extraction: Callable[[], Extraction],
    *,
    threads: int,
    observer: Observer,
    should_stop: Callable[[], bool] = never,
    make_pool: PoolFactory = thread_pool,
) -> ExtractionOutcome:
    """Bring the features of every photo into the store; those that are there already stay.

    Args:
        keys: The key of each photo's features, by name.
        make_extraction: Called once, and only if there is something to do.

    Raises:
        Interrupted: After the photos that were begun are stored.
    """
    ticker = Ticker("extract", len(images), observer)
    num_keypoints: dict[str, int] = {}
    unreadable: list[LeftOut] = []
    missing: list[ImageFile] = []
    for image in images:
        count = store.count(keys[image.name])
        if count is None:
            missing.append(image)
        else:
            num_keypoints[image.name] = count
            observer(ImageDone(name=image.name, keypoints=count, cached=True))
            ticker.tick()
    num_cached = len(num_keypoints)
    if missing:
        parallel: dict[str, Any] = {"threads": threads, "should_stop": should_stop, "make_pool": make_pool}
        for image, found in _extract_all(missing, make_extraction(), keys, store, parallel):
            if isinstance(found, LeftOut):
                unreadable.append(found)
                observer(Warned(message=f"{image.name} is left out: {found.detail}", file=image.name))
            else:
                num_keypoints[image.name] = found
                observer(ImageDone(name=image.name, keypoints=found))
            ticker.tick()
    return ExtractionOutcome(num_keypoints, tuple(unreadable), num_cached)


def _extract_all(
    images: Sequence[ImageFile],
    extraction: Extraction,
    keys: Mapping[str, str],
    store: FeatureStore,
    parallel: Mapping[str, Any],
) -> Iterator[tuple[ImageFile, int | LeftOut]]:
    def decode(image: ImageFile) -> tuple[ImageFile, Image | LeftOut]:
        try:
            return image, load_image(image, extraction.max_size)
        except UnreadableImage as error:
            return image, error.left_out

    def keep(image: ImageFile, seen: Image, features: Features) -> int:
        return len(store.save(keys[image.name], *in_sensor_pixels(features, seen, image)))

    def decode_and_extract(image: ImageFile) -> tuple[ImageFile, int | LeftOut]:
        _, seen = decode(image)
        if isinstance(seen, LeftOut):
            return image, seen
        return image, keep(image, seen, extraction.extractor.extract(seen))

    if extraction.is_thread_safe:
        yield from run_in_order(decode_and_extract, images, **parallel)
        return
    # The extractor has this thread to itself; photos are decoded ahead of it by the others.
    for batch in _batches(run_in_order(decode, images, **parallel), extraction.extractor):
        seen = [image for _, image in batch if isinstance(image, Image)]
        found = iter(_extract_batch(extraction.extractor, seen))
        for image, pixels in batch:
            yield image, (pixels if isinstance(pixels, LeftOut) else keep(image, pixels, next(found)))


def _batches(
    decoded: Iterator[tuple[ImageFile, Image | LeftOut]], extractor: FeatureExtractor
) -> Iterator[list[tuple[ImageFile, Image | LeftOut]]]:
    """Group neighbours of one size, where the extractor takes several at a time."""
    limit = _BATCH if hasattr(extractor, "extract_batch") else 1
    batch: list[tuple[ImageFile, Image | LeftOut]] = []
    for image, seen in decoded:
        sizes = {other.size for _, other in batch if isinstance(other, Image)}
        if len(batch) >= limit or (sizes and isinstance(seen, Image) and seen.size not in sizes):
            yield batch
            batch = []
        batch.append((image, seen))
    if batch:
        yield batch


def _extract_batch(extractor: FeatureExtractor, images: Sequence[Image]) -> list[Features]:
    if len(images) > 1 and hasattr(extractor, "extract_batch"):
        return list(extractor.extract_batch(images))
    return [extractor.extract(image) for image in images]
