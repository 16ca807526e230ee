"""The weights that come with recon: small, there, and as exact as the network was built to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon_plugins.cnn import CnnOptions, recon_feature_extractors
from recon_plugins.cnn.architecture import NamedNetwork
from recon_plugins.cnn.weights import SHIPPED

import recon
from recon.matching.images import list_images, load_image
from recon.training.recipe_file import read_recipe

SAMPLE = Path(__file__).parents[3] / "datasets" / "sample" / "images"
SHIFTS = (1, 2, 3, 7)


@pytest.fixture(scope="module")
def extractor() -> recon.FeatureExtractor:
    (spec,) = recon_feature_extractors()
    return spec.create(CnnOptions(max_keypoints=2048, precision="fp32"), recon.RunContext())


@pytest.fixture(scope="module")
def photo() -> recon.Image:
    return load_image(list_images(SAMPLE).images[0], 640)


def mutual(first: recon.Features, second: recon.Features) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of mutual nearest neighbours."""
    similarity = first.descriptors @ second.descriptors.T
    to, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    rows = np.flatnonzero(back[to] == np.arange(len(to)))
    return first.keypoints[rows], second.keypoints[to[rows]]


def cut(photo: recon.Image, left: int, top: int) -> recon.Image:
    height, width = photo.pixels.shape[:2]
    pixels = photo.pixels[top : top + height - 16, left : left + width - 16]
    return recon.Image(photo.name, np.ascontiguousarray(pixels))


def test_they_are_small():
    """The goal: 0.3 million parameters, 1.5 MB in the repository."""
    assert SHIPPED.stat().st_size <= 1_500_000
    assert sum(each.numel() for each in NamedNetwork("own").parameters()) <= 300_000


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_of_the_photo_shifts_the_keypoints(extractor, photo, shift):
    """By whole pixels, so that all that is seen stays the same: odd shifts are where light networks go wrong."""
    here, there = (extractor.extract(cut(photo, *place)) for place in ((0, 0), (shift, shift)))
    one, other = mutual(here, there)
    errors = np.linalg.norm(one - shift - other, axis=1)

    assert len(one) > 0.7 * len(here)
    assert (errors < 0.5).mean() > 0.85
    assert np.abs(np.median(one - shift - other, axis=0)).max() < 0.02


def test_reliability_and_scores_come_in_order(extractor, photo):
    features = extractor.extract(photo)

    assert len(features) == 2048
    assert (np.diff(features.scores) <= 0).all()


def test_two_views_of_a_scene_have_most_keypoints_in_common(extractor):
    """What structure from motion lives on; the photos are the sample's, a quarter turn of an arc apart at most."""
    first, second = (load_image(image, 640) for image in list_images(SAMPLE).images[:2])
    one, _ = mutual(extractor.extract(first), extractor.extract(second))

    assert len(one) > 600


def test_the_recipe_that_made_them_can_be_read(monkeypatch, tmp_path):
    """And names folders of the photos by their variable."""
    monkeypatch.setenv("RECON_TRAIN", str(tmp_path))
    recipe = read_recipe(SHIPPED.with_name("recipe.toml"))

    assert recipe.data[0].folder.parent.name == "mary_rose"
    assert recipe.stages[-1].data.teacher == "aliked"
    assert recipe.stages[-1].data.scenes > 0


@pytest.mark.slow
def test_the_sample_is_reconstructed_offline(tmp_path, monkeypatch):
    """At once, with nothing to fetch."""
    monkeypatch.delenv("RECON_WEIGHTS", raising=False)
    result = recon.reconstruct(SAMPLE, tmp_path / "out", extractor="cnn", matcher="nearest", max_size=640)

    assert result.summary["registered"] == 16
    assert result.summary["mean_reprojection_error_px"] < 0.8
