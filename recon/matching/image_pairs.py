"""Runs an image matcher over the pairs: positions in the upright, resized photos, kept pair by pair."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recon.core.components import ImageMatcher
from recon.core.data import Image, ImageFile, ImagePair, PairPositions
from recon.core.errors import Cause, ReconError
from recon.core.events import Observer
from recon.core.executor import PoolFactory, never, run_in_order, thread_pool
from recon.matching.decoded_photos import DecodedPhotos
from recon.matching.mask_pixels import is_kept
from recon.matching.merging import colours_at
from recon.matching.pairs import in_order_of_use
from recon.matching.ticker import Ticker
from recon.workspace.pairs import PairStore
from recon.workspace.positions import SeenPositions


@dataclass(frozen=True, slots=True)
class PixelMatching:
    """How positions are found: the image matcher, and the longest side in pixels that it sees."""

    matcher: ImageMatcher
    max_size: int
    is_thread_safe: bool


@dataclass(frozen=True, slots=True)
class PositionKeys:
    """Names of what an image matcher found: everything that determines it goes in."""

    photos: Mapping[str, str]
    """Key of each photo's content and orientation, by name."""
    matcher: str
    """Key of the matcher and of the size that it sees."""

    def positions(self, pair: ImagePair) -> bytes:
        """Return the key of a pair's positions."""
        parts = self.photos[pair.name1], self.photos[pair.name2], self.matcher
        return hashlib.sha256("\n".join(parts).encode()).digest()[:16]


def match_image_pairs(
    pairs: Sequence[ImagePair],
    images: Mapping[str, ImageFile],
    keys: PositionKeys,
    store: PairStore,
    make_matching: Callable[[], PixelMatching],
    *,
    threads: int,
    observer: Observer,
    should_stop: Callable[[], bool] = never,
    make_pool: PoolFactory = thread_pool,
) -> None:
    """Bring the positions of every pair into the store; those that are there already stay.

    Args:
        make_matching: Called once, and only if there is something to do.

    Raises:
        Interrupted: After the pairs that were begun are stored.
        UnreadableImage: A photo was damaged or taken away while the run went on.
        ReconError: BROKEN_PLUGIN, the matcher's answer is none.
    """
    ticker = Ticker("match", len(pairs), observer)
    known = store.counts("positions")
    missing = [pair for pair in pairs if keys.positions(pair) not in known]
    if len(missing) < len(pairs):
        ticker.tick(len(pairs) - len(missing))
    if not missing:
        return
    parallel: dict[str, Any] = {"threads": threads, "should_stop": should_stop, "make_pool": make_pool}
    for pair, found in _match_all(missing, images, make_matching(), parallel):
        store.save_positions(keys.positions(pair), found)
        ticker.tick()


def find_positions(pair: ImagePair, image1: Image, image2: Image, matcher: ImageMatcher) -> SeenPositions:
    """Return what an image matcher finds in one pair, with the colours there; nothing on masked pixels.

    Raises:
        ReconError: BROKEN_PLUGIN, the answer is no set of positions in these images.
    """
    found = matcher.match_images(image1, image2)
    for xy, image in ((found.xy1, image1), (found.xy2, image2)):
        if not (np.isfinite(xy).all() and (xy >= 0).all() and (xy <= np.array(image.size)).all()):
            raise ReconError(
                f"the image matcher's answer for {pair.name1} and {pair.name2} lies outside {image.name}, "
                f"which has {image.size} pixels",
                code=Cause.BROKEN_PLUGIN,
                file=image.name,
                try_="tell the plugin's author: `recon.testing` checks what an image matcher has to keep",
            )
    counts = np.ones(len(found.xy1), bool)
    for xy, mask in ((found.xy1, image1.mask), (found.xy2, image2.mask)):
        if mask is not None:
            counts &= is_kept(xy, mask)
    kept = PairPositions(*(np.asarray(array, np.float32)[counts] for array in (found.xy1, found.xy2, found.scores)))
    return SeenPositions(kept, colours_at(kept.xy1, image1.pixels), colours_at(kept.xy2, image2.pixels))


def _match_all(
    pairs: Sequence[ImagePair],
    images: Mapping[str, ImageFile],
    matching: PixelMatching,
    parallel: Mapping[str, Any],
) -> Iterator[tuple[ImagePair, SeenPositions]]:
    photos = DecodedPhotos(matching.max_size)
    ordered = in_order_of_use(pairs, photos.block)

    def decode(pair: ImagePair) -> tuple[ImagePair, Image, Image]:
        return pair, photos.load(images[pair.name1]), photos.load(images[pair.name2])

    def match(pair: ImagePair, image1: Image, image2: Image) -> tuple[ImagePair, SeenPositions]:
        return pair, find_positions(pair, image1, image2, matching.matcher)

    if matching.is_thread_safe:
        yield from run_in_order(lambda pair: match(*decode(pair)), ordered, **parallel)
        return
    # The matcher has this thread to itself; photos are decoded ahead of it by the others.
    for decoded in run_in_order(decode, ordered, **parallel):
        yield match(*decoded)
