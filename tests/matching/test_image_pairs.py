"""Each pair is looked at once, each photo decoded as seldom as memory allows, and nonsense is refused."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from threading import get_ident

import numpy as np
import pytest

from recon.core.data import Image, ImageFile, ImagePair, PairPositions
from recon.core.errors import Cause, Interrupted, ReconError
from recon.core.events import Event, Progress, ignore
from recon.matching import decoded_photos
from recon.matching.decoded_photos import DecodedPhotos
from recon.matching.image_pairs import PixelMatching, PositionKeys, find_positions, match_image_pairs
from recon.matching.pairs import in_order_of_use
from recon.testing import blank_image
from recon.testing.samples import image_file
from recon.workspace.pairs import PairStore

NAMES = [f"{number:02}.jpg" for number in range(6)]
PAIRS = [ImagePair.of(*pair) for pair in combinations(NAMES, 2)]
IMAGES = {name: image_file(name) for name in NAMES}
KEYS = PositionKeys({name: f"photo {name}" for name in NAMES}, "matcher")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the photos in the order in which they are decoded: grey, as bright as their number."""
    names: list[str] = []

    def load(image: ImageFile, max_size: int | None) -> Image:
        names.append(image.name)
        return Image(image.name, np.full((8, 10, 3), int(image.name[:2]), np.uint8))

    monkeypatch.setattr(decoded_photos, "load_image", load)
    return names


class OneMatch:
    """Says that the middles of both photos are the same."""

    def __init__(self) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.threads: set[int] = set()

    def match_images(self, image1: Image, image2: Image) -> PairPositions:
        self.pairs.append((image1.name, image2.name))
        self.threads.add(get_ident())
        middle = np.array([[5, 4]], np.float32)
        return PairPositions(middle, middle + 1, np.ones(1, np.float32))


def run(store: PairStore, matcher: OneMatch, *, is_thread_safe: bool = True, threads: int = 1, **options) -> None:
    make = lambda: PixelMatching(matcher, 100, is_thread_safe)  # noqa: E731
    options = {"observer": ignore, **options}
    match_image_pairs(PAIRS, IMAGES, KEYS, store, make, threads=threads, **options)


@pytest.mark.parametrize(("is_thread_safe", "threads"), [(True, 1), (True, 3), (False, 1), (False, 3)])
def test_every_pair_is_matched_once_with_its_colours(decoded, is_thread_safe, threads, tmp_path: Path) -> None:
    matcher = OneMatch()
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        run(store, matcher, is_thread_safe=is_thread_safe, threads=threads)
        found = store.load_positions(KEYS.positions(ImagePair("02.jpg", "05.jpg")))

    assert sorted(matcher.pairs) == [(pair.name1, pair.name2) for pair in PAIRS]
    assert sorted(decoded) == NAMES
    assert found is not None
    assert found.positions.xy2.tolist() == [[6, 5]]
    assert (found.colours1.tolist(), found.colours2.tolist()) == ([[2, 2, 2]], [[5, 5, 5]])
    assert is_thread_safe or matcher.threads == {get_ident()}


def test_pairs_that_are_there_are_not_looked_at_again(decoded, tmp_path: Path) -> None:
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        run(store, OneMatch())
        again = OneMatch()
        events: list[Event] = []
        run(store, again, observer=events.append)

    assert again.pairs == []
    assert [(each.done, each.total) for each in events if isinstance(each, Progress)] == [(15, 15)]


def test_what_was_found_before_an_interruption_stays(decoded, tmp_path: Path) -> None:
    first, second, asked = OneMatch(), OneMatch(), iter(range(100))
    with PairStore(tmp_path / "pairs.db", ignore) as store, pytest.raises(Interrupted):
        run(store, first, should_stop=lambda: next(asked) >= 4)
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        run(store, second)

    assert len(first.pairs) == 4
    assert len(second.pairs) == 11


def test_memory_bounds_the_photos_that_are_held(decoded) -> None:
    """Pairs come in blocks, so that few photos are decoded more than once for each block."""
    photos = DecodedPhotos(1000, memory_bytes=9_000_000)  # four photos of 1000 x 750
    for pair in in_order_of_use(PAIRS, photos.block):
        for name in (pair.name1, pair.name2):
            photos.load(IMAGES[name])

    assert photos.block == 2
    assert len(decoded) <= 12  # three blocks against each other; all fifteen pairs one by one would take thirty
    decoded.clear()
    photos.load(IMAGES["00.jpg"])
    photos.load(IMAGES["00.jpg"])
    assert len(decoded) <= 1


@pytest.mark.parametrize("place", [-1.0, 321.0, np.nan])
def test_positions_outside_a_photo_are_the_plugins_fault(place: float) -> None:
    class Nonsense:
        def match_images(self, image1: Image, image2: Image) -> PairPositions:
            xy = np.full((1, 2), 5, np.float32)
            return PairPositions(xy, np.full((1, 2), place, np.float32), np.ones(1, np.float32))

    with pytest.raises(ReconError) as caught:
        find_positions(PAIRS[0], blank_image(1), blank_image(2), Nonsense())

    assert caught.value.code is Cause.BROKEN_PLUGIN
    assert caught.value.file == "blank-2.png"
