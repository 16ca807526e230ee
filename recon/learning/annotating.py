"""Runs a teacher over photos, once: what it finds is kept, and read again by whoever asks next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recon.choice import Choice, key_of
from recon.core.data import Features, ImageFile
from recon.core.errors import ReconError
from recon.core.events import Observer, Progress, StageStarted, Warned
from recon.core.executor import never, run_in_order
from recon.learning.annotate import AnnotatedPhoto, annotated
from recon.learning.photo_folders import PhotoFolder
from recon.matching.images import UnreadableImage, load_image
from recon.workspace import FeatureStore
from recon.workspace.atomic import storage_errors


@dataclass(frozen=True, slots=True)
class Annotating:
    """How photos are annotated."""

    teacher: Choice
    with_descriptors: bool
    size: int
    """Longest side of the photos in pixels."""
    folder: Path
    """Where features are kept."""
    threads: int = 1


def annotate(
    photos: PhotoFolder, how: Annotating, observer: Observer, should_stop: Callable[[], bool] = never
) -> list[AnnotatedPhoto]:
    """Return the photos of a folder, those left out that cannot be decoded.

    Raises:
        Interrupted: `should_stop` said so; what is found by then is kept.
        ReconError: DISK_FULL, or what the teacher raises when it is built: MISSING_WEIGHTS, MISSING_LIBRARY.
    """
    store = FeatureStore(how.folder, memory_bytes=0)
    extract = _Extraction(how, store, observer)
    observer(StageStarted(stage="look", total=len(photos.images), summary=f"{how.teacher.name} at {photos.given}"))
    found = []
    with storage_errors(how.folder):
        extract.begin(photos.images)
        one_by_one = run_in_order(
            extract, photos.images, threads=how.threads if extract.is_shared else 1, should_stop=should_stop
        )
        for done, each in enumerate(one_by_one, 1):
            if each is not None:
                found.append(each)
            observer(Progress(stage="look", done=done, total=len(photos.images)))
    return found


class _Extraction:
    """One photo after the other; the teacher is built when a photo needs it."""

    def __init__(self, how: Annotating, store: FeatureStore, observer: Observer) -> None:
        self._how, self._store, self._observer = how, store, observer
        self._key = key_of("annotation", how.teacher.identity, how.size)
        self._extractor: object = None
        self.is_shared = False

    def begin(self, images: Sequence[ImageFile]) -> None:
        """Build the teacher where there is something for it to do."""
        if any(self._store.count(self._key_of(image)) is None for image in images):
            self._extractor, self.is_shared = self._how.teacher.create_for_host(self._how.threads, lambda text: None)

    def __call__(self, image: ImageFile) -> AnnotatedPhoto | None:
        """Return an annotated photo; None where it cannot be decoded."""
        try:
            seen = load_image(image, self._how.size)
        except UnreadableImage as error:
            self._observer(Warned(message=f"{image.name} is left out: {error.left_out.detail}", file=image.name))
            return None
        return annotated(seen, self._features(image, seen), with_descriptors=self._how.with_descriptors)

    def _features(self, image: ImageFile, seen: object) -> Features:
        key = self._key_of(image)
        try:
            return self._store.load(key)
        except ReconError:  # not there, or damaged: it is made again
            if self._extractor is None:
                self._extractor, _ = self._how.teacher.create_for_host(1, lambda text: None)
        features: Features = self._extractor.extract(seen)  # type: ignore[attr-defined]
        return self._store.save(key, features, np.zeros((len(features), 3), np.uint8))

    def _key_of(self, image: ImageFile) -> str:
        return key_of(self._key, *image.shown)
