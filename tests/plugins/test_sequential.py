"""`sequential` pairs photos with the next ones by name, and closes loops."""

from __future__ import annotations

import numpy as np
import pytest
from recon_plugins.sequential import SequentialOptions, recon_pair_selectors

from recon import Features, ImagePair, RunContext
from recon.testing import PairSelectorContract, random_features
from recon.testing.samples import image_file

(SPEC,) = recon_pair_selectors()
NO_EXTRAS = {"quadratic_overlap": False, "loop_closure": False}


class TestSequential(PairSelectorContract):
    spec = SPEC


class TestShortOverlap(PairSelectorContract):
    """With loops looked up among 30 photos, some of them blank."""

    spec = SPEC
    options = {"overlap": 2, "loop_period": 3, "loop_images": 2}  # noqa: RUF012 - as the contract declares it


def select(names, features=None, **options):
    selector = SPEC.create(SequentialOptions(**options), RunContext())
    return selector.select([image_file(name) for name in names], {} if features is None else features)


def frames(count):
    return [f"frame{number}.jpg" for number in range(count)]


def distances(pairs):
    """Return how far apart in the sequence the photos of each pair are."""
    numbers = [[int(name.removeprefix("frame").removesuffix(".jpg")) for name in (p.name1, p.name2)] for p in pairs]
    return [abs(number1 - number2) for number1, number2 in numbers]


@pytest.mark.parametrize("overlap", [1, 3, 10])
def test_each_photo_is_paired_with_the_next_ones(overlap):
    pairs = select(frames(20), overlap=overlap, **NO_EXTRAS)

    assert set(distances(pairs)) == set(range(1, overlap + 1))
    assert len(pairs) == sum(20 - step for step in range(1, overlap + 1))


def test_numbers_in_names_count_by_value():
    """frame2 comes before frame10, which the alphabet has the other way round."""
    pairs = select(["frame10.jpg", "frame1.jpg", "frame2.jpg"], overlap=1, **NO_EXTRAS)

    assert set(pairs) == {ImagePair("frame1.jpg", "frame2.jpg"), ImagePair("frame10.jpg", "frame2.jpg")}


def test_folders_and_numbers_of_any_kind_can_be_ordered():
    """Names that begin with a number, without one, with leading zeros or digits of another script."""
    names = ["b/1.jpg", "a/10.jpg", "a/9.jpg", "7.jpg", "x.jpg", "007b.jpg", "²3.jpg", "٤.jpg", "1.5.jpg", "é1.jpg"]
    pairs = select(names, overlap=1, **NO_EXTRAS)

    assert len(pairs) == len(names) - 1
    assert ImagePair("a/10.jpg", "a/9.jpg") in pairs


def test_the_order_of_the_photos_does_not_matter():
    """Also where two names have the same numbers: a1 and a01."""
    names = ["a1.jpg", "a01.jpg", "a001.jpg", "a2.jpg", "a02.jpg"]

    assert select(names, overlap=1, **NO_EXTRAS) == select(names[::-1], overlap=1, **NO_EXTRAS)


def test_a_quadratic_overlap_reaches_powers_of_two():
    """`overlap` powers of two in all, as COLMAP counts them."""
    pairs = select(frames(40), overlap=5, quadratic_overlap=True, loop_closure=False)

    assert set(distances(pairs)) == {1, 2, 3, 4, 5, 8, 16}


def test_without_loop_closure_no_features_are_read():
    """The mapping is empty here: reading any would raise."""
    assert select(frames(30), loop_closure=False)


@pytest.fixture
def loop():
    """Return the features of 24 frames of which the last four see again what the first four saw."""
    random = np.random.default_rng(0)
    features = {name: random_features(200, seed=number % 20) for number, name in enumerate(frames(24))}
    for name in frames(24)[20:]:
        seen = features[name].descriptors + 0.02 * random.standard_normal((200, 128))
        seen /= np.linalg.norm(seen, axis=1, keepdims=True)
        features[name] = Features(features[name].keypoints, seen.astype(np.float32), (640, 480))
    return features


def test_a_loop_is_closed_by_similarity(loop):
    pairs = select(frames(24), loop, overlap=2, quadratic_overlap=False, loop_period=1, loop_images=1)

    for number in range(4):
        assert ImagePair.of(f"frame{number}.jpg", f"frame{number + 20}.jpg") in pairs


def test_every_loop_periodth_photo_is_looked_up(loop):
    """Frames 0, 8 and 16, each with as many others as `loop_images` says."""
    without = select(frames(24), overlap=1, **NO_EXTRAS)
    pairs = select(frames(24), loop, overlap=1, quadratic_overlap=False, loop_period=8, loop_images=3)

    added = set(pairs) - set(without)
    assert 0 < len(added) <= 9
    assert all({pair.name1, pair.name2} & {"frame0.jpg", "frame8.jpg", "frame16.jpg"} for pair in added)
    assert ImagePair("frame0.jpg", "frame20.jpg") in added


@pytest.mark.parametrize("option", ["overlap", "loop_period", "loop_images"])
def test_values_that_make_no_sense_are_refused_by_name(option):
    with pytest.raises(ValueError, match=option):
        SequentialOptions(**{option: 0})
