"""What the stages do differently where the matcher sees pixels: keypoints come after the pairs, and from them."""

from __future__ import annotations

from recon.core.data import Features, ImageFile, LeftOut, Matches
from recon.core.errors import Cause, ReconError
from recon.core.events import Event, Observer, Progress, Warned
from recon.core.executor import run_in_order
from recon.matching.image_pairs import match_image_pairs
from recon.matching.images import load_image
from recon.matching.pair_keypoints import merge_keypoints, merge_matches
from recon.matching.ticker import Ticker
from recon.matching.unreadable import UnreadableImage
from recon.run import Run
from recon.workspace import PairStore


def find_unreadable(run: Run) -> list[LeftOut]:
    """Return the photos whose pixels cannot be decoded: they are in no pair."""

    def look(image: ImageFile) -> LeftOut | None:
        try:
            load_image(image, run.plan.max_size)
        except UnreadableImage as error:
            return error.left_out
        return None

    ticker = Ticker("extract", len(run.listing.images), run.observer)
    unreadable = []
    parallel = {name: value for name, value in run.parallel.items() if name != "observer"}
    for left_out in run_in_order(look, run.listing.images, **parallel):
        if left_out is not None:
            unreadable.append(left_out)
            run.observer(Warned(message=f"{left_out.image} is left out: {left_out.detail}", file=left_out.image))
        ticker.tick()
    return unreadable


def match_pixels(run: Run, store: PairStore) -> None:
    """Bring the keypoints of every photo and the matches of every pair into their stores."""
    photos = run.paired_photos
    match_image_pairs(photos.pairs, photos.images, photos.keys, store, run.make_pixel_matching, **run.parallel)
    merge_keypoints(photos, run.feature_keys, run.store, store, run.make_pixel_matching, **run.parallel)
    parallel = {name: value for name, value in run.parallel.items() if name != "observer"}
    merge_matches(photos, run.pair_keys, run.features, store, run.make_pixel_matching, **parallel)


class MatchedBefore:
    """Stands where a matcher of keypoints would: every pair's matches are in the store when they are verified."""

    def match(self, features1: Features, features2: Features) -> Matches:
        """Say that matches were lost.

        Raises:
            ReconError: CORRUPT_FILE.
        """
        raise ReconError(
            "kept matches were damaged while the run went on",
            code=Cause.CORRUPT_FILE,
            file="pairs.db",
            try_="give the same command again: it makes them anew",
        )


def without_progress(observer: Observer) -> Observer:
    """Return an observer that is not told of progress: the pairs were counted when they were matched."""

    def tell(event: Event) -> None:
        if not isinstance(event, Progress):
            observer(event)

    return tell
