"""Photos with a teacher's keypoints: the network's grey, and a confidence that means the same for every teacher."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon import Features, Image
from recon.learning.annotate import annotated
from recon.testing import textured_image

IMAGE = textured_image(40, 30)


def features_with(scores, count=None):
    count = len(scores) if count is None else count
    random = np.random.default_rng(count)
    descriptors = random.standard_normal((count, 6)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    scores = None if scores is None else np.asarray(scores, np.float32)
    return Features(random.uniform(0, 30, (count, 2)).astype(np.float32), descriptors, IMAGE.size, scores)


def confidence(scores):
    return annotated(IMAGE, features_with(scores), with_descriptors=False).scores


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40, unique=True))
def test_confidence_is_by_rank(scores):
    """The best has 1, none less than a quarter, and no other teacher's scale of scores changes it."""
    found = confidence(scores)

    assert found.max() == 1
    assert found.min() >= 0.25
    assert np.array_equal(np.argsort(-found, kind="stable"), np.argsort(-np.asarray(scores), kind="stable"))
    assert np.array_equal(found, confidence(np.argsort(np.argsort(scores)) * 0.001))


def test_the_better_half_is_wanted_almost_for_certain():
    found = confidence(np.arange(100))

    assert (found[50:] >= 0.9).all()
    assert found[:49].max() < 0.9
    assert found.dtype == np.float32


@pytest.mark.parametrize("scores", [[], None])
def test_without_keypoints_or_scores_nothing_is_missing(scores):
    """An extractor need not score its keypoints."""
    count = 0 if scores == [] else 5
    photo = annotated(IMAGE, features_with(scores, count), with_descriptors=True)

    assert photo.scores.shape == (count,)
    assert photo.descriptors.shape == (count, 6)
    assert np.isfinite(photo.scores).all()


def test_grey_is_the_mean_of_the_channels():
    """As `cnn` makes it of the photos that it is used on."""
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0], pixels[0, 1], pixels[1, 2] = (90, 0, 0), (0, 90, 0), (254, 255, 255)
    found = annotated(Image("colours.png", pixels), features_with([]), with_descriptors=False).grey

    assert found.dtype == np.uint8
    assert found.tolist() == [[30, 30, 0], [0, 0, 255]]


@pytest.mark.parametrize("wanted", [True, False])
def test_descriptors_are_there_when_asked_for(wanted):
    features = features_with([0.2, 0.9, 0.5])
    photo = annotated(IMAGE, features, with_descriptors=wanted)

    assert photo.descriptors.shape == (3, 6 if wanted else 0)
    assert np.array_equal(photo.keypoints, features.keypoints)
    assert np.array_equal(photo.descriptors[:, :6], features.descriptors[:, : photo.descriptors.shape[1]])
