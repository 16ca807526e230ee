"""`auto` matches every pair of a small set and the similar ones of a large one, and says which."""

from __future__ import annotations

import pytest
from recon_plugins.auto_pairs import AutoPairsOptions, recon_pair_selectors
from recon_plugins.exhaustive import ExhaustivePairs
from recon_plugins.retrieval import RetrievalOptions, RetrievalPairs
from recon_plugins.sequential import SequentialOptions, SequentialPairs

from recon import RunContext
from recon.testing import PairSelectorContract, random_features
from recon.testing.samples import image_file

(SPEC,) = recon_pair_selectors()


class TestBelowTheLimit(PairSelectorContract):
    spec = SPEC


class TestBeyondTheLimit(PairSelectorContract):
    spec = SPEC
    options = {"exhaustive_up_to": 2, "k": 3}  # noqa: RUF012 - as the contract declares it


def photos(count, name="photo"):
    images = [image_file(f"{name}{number:03}.jpg") for number in range(count)]
    return images, {image.name: random_features(30, seed=number) for number, image in enumerate(images)}


def select(count, **options):
    """Return the pairs of some photos, and what the selector told the user."""
    notes: list[str] = []
    selector = SPEC.create(AutoPairsOptions(**options), RunContext(seed=3, note=notes.append))
    return selector.select(*photos(count)), notes


def test_up_to_the_limit_every_pair_is_chosen_and_the_user_told():
    pairs, notes = select(12, exhaustive_up_to=12)

    assert pairs == ExhaustivePairs().select(*photos(12))
    assert notes == ["pairs: exhaustive, since 12 photos are not more than 12"]


def test_beyond_the_limit_similar_pairs_are_chosen_and_the_user_told():
    """With the run's seed, as `retrieval` itself would."""
    pairs, notes = select(13, exhaustive_up_to=12, k=4)

    assert pairs == RetrievalPairs(RetrievalOptions(k=4), seed=3).select(*photos(13))
    assert len(pairs) < 13 * 12 / 2
    assert notes == ["pairs: retrieval, 4 similar photos each, since 13 are more than 12"]


def test_frames_of_a_video_are_paired_with_the_next_ones_and_the_user_told():
    notes: list[str] = []
    selector = SPEC.create(AutoPairsOptions(exhaustive_up_to=12), RunContext(seed=3, note=notes.append))

    pairs = selector.select(*photos(30, "frame_"))

    assert pairs == SequentialPairs(SequentialOptions(), seed=3).select(*photos(30, "frame_"))
    assert notes == ["pairs: sequential, since 30 frames are more than 12 and named as a video's"]


def test_a_small_set_reads_no_features():
    """They may not even be in memory."""
    images, _ = photos(5)

    assert len(SPEC.create(AutoPairsOptions(), RunContext()).select(images, {})) == 10


def test_sixty_photos_are_few_by_default():
    assert len(select(60)[0]) == 60 * 59 / 2
    assert len(select(61)[0]) < 61 * 60 / 2


@pytest.mark.parametrize(("option", "value"), [("exhaustive_up_to", 1), ("exhaustive_up_to", -1), ("k", 0)])
def test_values_that_make_no_sense_are_refused_by_name(option, value):
    with pytest.raises(ValueError, match=option):
        AutoPairsOptions(**{option: value})
