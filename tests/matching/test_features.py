"""Features are found once, kept in sensor pixels, and made again when what was kept is damaged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from recon.core.data import Features, Image, ImageFile
from recon.core.errors import Cause, Interrupted
from recon.core.events import Event, ImageDone, Progress, ignore
from recon.matching.extraction import Extraction
from recon.matching.features import FeatureSet, extract_features
from recon.matching.images import list_images
from recon.workspace.features import FeatureStore


class OneKeypoint:
    """Finds one keypoint, at a quarter of the width and an eighth of the height, that looks to the right."""

    def __init__(self) -> None:
        self.seen: list[Image] = []
        self.threads: set[int] = set()

    def extract(self, image: Image) -> Features:
        self.seen.append(image)
        self.threads.add(threading.get_ident())
        width, height = image.size
        return Features(
            np.array([[width / 4, height / 8]], np.float32),
            np.ones((1, 1), np.float32),
            image.size,
            scales_px=np.array([2], np.float32),
            orientations_rad=np.array([0], np.float32),
        )


class InBatches(OneKeypoint):
    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[tuple[int, int]]] = []

    def extract_batch(self, images: Sequence[Image]) -> list[Features]:
        self.batches.append([image.size for image in images])
        return [self.extract(image) for image in images]


def keys_of(images: Sequence[ImageFile]) -> dict[str, str]:
    return {image.name: f"{image.digest}{image.orientation}" for image in images}


@pytest.fixture
def extract(tmp_path: Path) -> Callable[..., tuple[tuple[ImageFile, ...], FeatureStore]]:
    def run(extractor: OneKeypoint, *, thread_safe: bool = True, **options: object):
        images = list_images(tmp_path / "photos").images
        store = FeatureStore(tmp_path / "features")
        options = {"threads": 3, "observer": ignore, **options}
        make = lambda: Extraction(extractor, 48, thread_safe)  # noqa: E731
        outcome = extract_features(images, keys_of(images), store, make, **options)
        return images, store, outcome

    return run


@pytest.mark.parametrize("thread_safe", [True, False])
def test_a_second_run_finds_everything_done(thread_safe: bool, photo, extract) -> None:
    for number in range(5):
        photo(f"{number}.jpg", seed=number)
    events: list[Event] = []
    first, second = OneKeypoint(), OneKeypoint()

    extract(first, thread_safe=thread_safe)
    _, _, outcome = extract(second, thread_safe=thread_safe, observer=events.append)

    assert (len(first.seen), len(second.seen)) == (5, 0)
    assert (outcome.num_cached, len(outcome.num_keypoints)) == (5, 5)
    assert [event.cached for event in events if isinstance(event, ImageDone)] == [True] * 5
    assert [event.done for event in events if isinstance(event, Progress)][-1] == 5


def test_an_extractor_that_is_not_thread_safe_has_one_thread_to_itself(photo, extract) -> None:
    for number in range(6):
        photo(f"{number}.jpg", seed=number)
    careless, careful = OneKeypoint(), OneKeypoint()

    extract(careless, thread_safe=False)

    assert careless.threads == {threading.get_ident()}
    assert {image.name for image in careless.seen} == {f"{number}.jpg" for number in range(6)}
    assert careful.threads == set()


def test_batches_hold_neighbours_of_one_size(photo, extract) -> None:
    for number, width in enumerate([96, 96, 96, 64, 64]):
        photo(f"{number}.jpg", width=width, height=48, seed=number)
    (photo("5.jpg")).write_bytes(b"\xff\xd8 no photo")
    extractor = InBatches()

    images, store, _ = extract(extractor, thread_safe=False)

    assert extractor.batches == [[(48, 24)] * 3, [(48, 36)] * 2]
    assert all(store.count(key) == 1 for key in keys_of(images).values())


def test_a_photo_that_cannot_be_decoded_is_left_out_by_name(photo, extract) -> None:
    photo("good.jpg")
    broken = photo("broken.jpg", width=640, height=480, seed=1)
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 3])

    images, _, outcome = extract(OneKeypoint())

    listed = {image.name for image in images}
    assert set(outcome.num_keypoints) == {"good.jpg"}
    assert [each.image for each in outcome.unreadable] == sorted(listed - {"good.jpg"})
    assert all(each.cause is Cause.UNREADABLE and each.try_ for each in outcome.unreadable)


def test_a_stop_keeps_what_was_begun(photo, extract, tmp_path: Path) -> None:
    for number in range(12):
        photo(f"{number:02d}.jpg", seed=number)
    extractor = OneKeypoint()

    with pytest.raises(Interrupted):
        extract(extractor, threads=1, should_stop=lambda: len(extractor.seen) >= 4)
    _, _, outcome = extract(OneKeypoint())

    assert outcome.num_cached == 4
    assert len(outcome.num_keypoints) == 12


def test_what_is_lost_or_damaged_is_made_again_when_it_is_asked_for(photo, extract) -> None:
    for number in range(3):
        photo(f"{number}.jpg", seed=number)
    extractor = OneKeypoint()
    images, _, _ = extract(extractor)
    folder = images[0].path.parent.parent / "features"
    for path in folder.rglob("*.npz"):
        path.write_bytes(b"damaged")

    features = FeatureSet(images, keys_of(images), FeatureStore(folder), lambda: Extraction(extractor, 48, True))

    assert list(features) == ["0.jpg", "1.jpg", "2.jpg"]
    assert len(features["1.jpg"]) == 1
    assert features.colours("2.jpg").shape == (1, 3)
    assert len(extractor.seen) == 3 + 2
