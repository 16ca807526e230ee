"""`retrieval` finds the photos that show the same place, by the set's own descriptors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from recon_plugins.retrieval import RetrievalOptions, image_vectors, recon_pair_selectors

from recon import Features, ImagePair, RunContext
from recon.testing import PairSelectorContract, random_features
from recon.testing.samples import image_file

(SPEC,) = recon_pair_selectors()


class TestRetrieval(PairSelectorContract):
    spec = SPEC


class TestFewWords(PairSelectorContract):
    spec = SPEC
    options = {"k": 1, "clusters": 1}  # noqa: RUF012 - as the contract declares it


class Counted(Mapping):
    """Features that count how often each photo is read."""

    def __init__(self, features):
        self.features = features
        self.reads: Counter[str] = Counter()

    def __getitem__(self, name):
        self.reads[name] += 1
        return self.features[name]

    def __iter__(self):
        return iter(self.features)

    def __len__(self):
        return len(self.features)


def select(features, seed=0, **options):
    selector = SPEC.create(RetrievalOptions(**options), RunContext(seed=seed))
    return selector.select([image_file(name) for name in features], features)


def places(num_places, views, keypoints=100):
    """Return the features of photos `p0_v0`, ...: the views of one place have noisy copies of its descriptors."""
    features = {}
    for place in range(num_places):
        seen = random_features(keypoints, seed=place)
        for view in range(views):
            noise = np.random.default_rng(100 * place + view).standard_normal(seen.descriptors.shape)
            rows = seen.descriptors + 0.05 * noise
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            features[f"p{place}_v{view}"] = Features(seen.keypoints, rows.astype(np.float32), (640, 480))
    return features


def test_views_of_one_place_find_each_other():
    pairs = select(places(num_places=8, views=3), k=2)

    assert set(pairs) == {ImagePair(f"p{n}_v{a}", f"p{n}_v{b}") for n in range(8) for a, b in ((0, 1), (0, 2), (1, 2))}


@pytest.mark.parametrize("k", [1, 3, 23, 1000])
def test_every_photo_is_in_at_least_k_pairs(k):
    """As far as there are so many others; being chosen by others adds to it."""
    features = places(num_places=6, views=4)
    pairs = select(features, k=k)

    degrees = Counter(name for pair in pairs for name in (pair.name1, pair.name2))
    assert min(degrees.values()) >= min(k, 23)
    assert len(pairs) <= min(24 * k, 24 * 23 // 2)
    assert len(degrees) == 24


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 0), (2, 1)])
def test_few_photos_need_no_choice(count, expected):
    assert len(select({f"photo{number}": random_features(10, seed=number) for number in range(count)})) == expected


def test_photos_without_keypoints_stop_nothing():
    """Also where the extractor does not say how long its descriptors would have been."""
    features = places(num_places=3, views=2)
    for number, length in enumerate((128, 0, 1)):
        features[f"blank{number}"] = random_features(0, length=length) if length else _featureless()
    pairs = select(features, k=1)

    assert {ImagePair(f"p{place}_v0", f"p{place}_v1") for place in range(3)} <= set(pairs)


def _featureless():
    return Features(np.zeros((0, 2), np.float32), np.zeros((0, 0), np.float32), (640, 480))


def test_photos_without_keypoints_are_in_no_pair():
    """There is nothing to match in them; they must not take the place of others either."""
    features = places(num_places=3, views=3)
    blank = {f"blank{number}": random_features(0) for number in range(4)}

    assert select({**blank, **features}, k=4) == select(features, k=4)
    assert select(blank, k=3) == []


@pytest.mark.parametrize("keypoints", [1, 5, 20])
def test_photos_with_few_keypoints_find_each_other_too(keypoints):
    """A vocabulary with a word for every keypoint leaves nothing to tell photos apart, or to find them by."""
    pairs = select(places(num_places=3, views=2, keypoints=keypoints), k=1)

    assert {ImagePair(f"p{place}_v0", f"p{place}_v1") for place in range(3)} <= set(pairs)


def test_vectors_have_length_one():
    """Similarities are cosines; a photo without keypoints is like no other."""
    features = {**places(num_places=4, views=2), "blank": random_features(0)}
    vectors = image_vectors(list(features), features, num_words=16, seed=0)

    assert vectors.shape == (9, 16 * 128)
    assert np.linalg.norm(vectors[:-1].astype(np.float32), axis=1) == pytest.approx(1, abs=1e-3)
    assert not vectors[-1].any()


def test_a_seed_gives_the_same_vectors_again():
    features = places(num_places=4, views=2)
    first, again, other = (image_vectors(list(features), features, 16, seed) for seed in (0, 0, 1))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("num_places", [5, 150])
def test_each_photo_is_read_once(num_places):
    """Features lie on disk, and a set may be larger than memory."""
    features = Counted(places(num_places, views=2, keypoints=20))
    select(features, k=3)

    assert set(features.reads.values()) == {1}
    assert len(features.reads) == 2 * num_places


def test_the_largest_keypoints_speak_for_a_photo():
    """Other photos of the place show them too; of 3000 keypoints the smallest are left out."""
    large, small = random_features(1024, seed=0), random_features(2000, seed=1)
    both = Features(
        np.vstack([small.keypoints, large.keypoints]),
        np.vstack([small.descriptors, large.descriptors]),
        (640, 480),
        scales_px=np.repeat(np.array([1, 9], np.float32), (2000, 1024)),
    )
    vectors = image_vectors(
        ["both", "large", "small"], {"both": both, "large": large, "small": small}, 8, seed=0
    ).astype(np.float32)

    assert vectors[0] @ vectors[1] > 0.99
    assert vectors[0] @ vectors[2] < 0.5


@pytest.mark.parametrize("option", ["k", "clusters"])
def test_values_that_make_no_sense_are_refused_by_name(option):
    with pytest.raises(ValueError, match=option):
        RetrievalOptions(**{option: 0})


@pytest.mark.photos
def test_photos_of_one_place_are_found_among_five_places(features_of):
    """Tourists' photos from all sides, by day and night: not all can be found, but far more than by chance."""
    features = features_of("five_places")
    pairs = select(features, k=3)

    place = {name: name.rsplit("_", 2)[0] for name in features}
    num_views = Counter(place.values())
    wanted = sum(count * (count - 1) // 2 for count in num_views.values())
    found = sum(place[pair.name1] == place[pair.name2] for pair in pairs)
    assert len(pairs) < 30
    assert found >= 0.6 * wanted


@pytest.mark.photos
@pytest.mark.slow
def test_neighbouring_frames_of_fox_are_found(features_of):
    """Fifty frames on the way around it: each with the next one."""
    names = list(features := features_of("fox"))
    pairs = set(select(features, k=5))

    found = [ImagePair(*pair) in pairs for pair in pairwise(names)]
    assert np.mean(found) > 0.9
