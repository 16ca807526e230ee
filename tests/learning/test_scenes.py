"""Pairs of a rendered scene: places that are said to be the same look the same, to a small part of a pixel."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from recon.core.errors import Cause, ReconError
from recon.learning import scenes
from recon.learning.homographies import WarpOptions
from recon.learning.scene_views import load_view
from recon.learning.scenes import SceneSource, view_pairs

OPTIONS = WarpOptions(size=128, zoom=(0.8, 1.4))
_AROUND = np.stack(np.meshgrid(np.arange(-6.0, 7.0), np.arange(-6.0, 7.0)), 2).reshape(-1, 2)


@pytest.fixture
def source(small_scenes):
    return SceneSource(view_pairs(small_scenes), OPTIONS)


def values_at(image, positions):
    """Return the (N,) smoothed values of an image at (N, 2) positions."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1.2)
    x, y = (positions - 0.5).T.astype(np.float32)  # OpenCV counts from the first pixel's centre
    return cv2.remap(smooth, x[None], y[None], cv2.INTER_CUBIC)[0].astype(float)


def offsets_of(sample):
    """Return how alike (K,) patches are under the jacobians, and by how many pixels (K, 2) they are off."""
    likeness, offsets = [], []
    for point1, point2, jacobian in zip(sample.points1, sample.points2, sample.jacobians.astype(float), strict=True):
        size = sample.images.shape[1]
        if not np.isfinite(jacobian).all() or min(*point1, *point2) < 18 or max(*point1, *point2) > size - 18:
            continue
        there = point2 + _AROUND @ jacobian.T
        patch1, patch2 = values_at(sample.images[0], point1 + _AROUND), values_at(sample.images[1], there)
        likeness.append(np.corrcoef(patch1, patch2)[0, 1])
        slopes = [
            values_at(sample.images[1], there + step) - values_at(sample.images[1], there - step)
            for step in np.eye(2) / 2
        ]
        fit = np.linalg.lstsq(np.stack([*slopes, patch2, np.ones_like(patch2)], 1), patch1, rcond=None)[0]
        offsets.append(fit[:2] / fit[2])
    return np.array(likeness), np.array(offsets)


def test_corresponding_places_look_alike_without_bias(source, monkeypatch):
    """The whole way: rays, the photo's pixels, crops and their half pixels, jacobians."""
    monkeypatch.setattr(scenes, "relit", lambda image, rng: image)
    rng = np.random.default_rng(0)

    likeness, offsets = (
        np.concatenate(both) for both in zip(*(offsets_of(source.sample(rng)) for _ in range(30)), strict=True)
    )

    assert len(likeness) > 300
    assert np.median(likeness) > 0.9
    assert np.abs(np.median(offsets[likeness > 0.9], axis=0)).max() < 0.05
    assert np.median(np.abs(offsets[likeness > 0.9])) < 0.3


def test_equal_generators_give_equal_pairs(source):
    first, again, other = (source.sample(np.random.default_rng(seed)) for seed in (5, 5, 6))

    for field in dataclasses.fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    assert not np.array_equal(first.images, other.images)


def test_everything_lies_in_its_crop_and_no_two_points_are_one(source):
    sample = source.sample(np.random.default_rng(1))

    for positions in (sample.points1, sample.points2, sample.keypoints1, sample.keypoints2):
        assert ((positions > 0) & (positions < OPTIONS.size)).all()
        assert len(np.unique(positions // 4, axis=0)) == len(positions)
    assert len(sample.points1) >= 16
    assert sample.images.shape == (2, 128, 128)
    assert np.isnan(sample.homography).all()


def test_jacobians_are_known_whole_or_not_at_all(source):
    sample = source.sample(np.random.default_rng(1))

    known = np.isfinite(sample.jacobians).sum(axis=(1, 2))
    assert set(known) <= {0, 4}
    assert (known == 4).mean() > 0.4


def test_the_second_teacher_is_asked_where_it_has_a_keypoint_near(source):
    """Elsewhere the first view's descriptor stands for both."""
    sample = source.sample(np.random.default_rng(1))

    lengths = np.linalg.norm(sample.teacher2, axis=1)
    same = (sample.teacher1 == sample.teacher2).all(axis=1)
    assert sample.teacher1.shape == sample.teacher2.shape == (len(sample.points1), 25)
    np.testing.assert_allclose(lengths, 1, atol=0.01)
    assert 0.1 < same.mean() < 0.9


def test_pairs_that_share_too_little_or_too_much_are_left_out(small_scenes):
    scene = small_scenes[0]
    num_seen = np.array([[0, 90, 50], [50, 0, 20], [99, 70, 0]])
    scene = dataclasses.replace(scene, num_seen=num_seen, num_solid=np.array([100, 100, 100]))

    assert [(pair.first, pair.second) for pair in view_pairs([scene])] == [(0, 1), (0, 2), (1, 0), (2, 1)]


def test_scenes_in_which_nothing_is_shared_are_one_clear_error(small_scenes):
    scene = dataclasses.replace(small_scenes[0], num_seen=np.zeros((3, 3), int))

    with pytest.raises(ReconError) as caught:
        view_pairs([scene])

    assert caught.value.code is Cause.FEW_KEYPOINTS


def test_photos_smaller_than_a_crop_do(small_scenes):
    """They are shown enlarged."""
    sample = SceneSource(view_pairs(small_scenes), WarpOptions(size=512)).sample(np.random.default_rng(0))

    assert len(sample.points1) >= 16


def test_views_differ_in_light_and_the_sky_has_no_sightings(small_scenes):
    views = [load_view(path) for path in small_scenes[0].paths]

    assert all(0 < view.num_solid <= len(view.photo.keypoints) for view in views)
    assert all(len(np.unique(seen.rows)) == len(seen.rows) for view in views for seen in view.seen_in.values())
    assert all(view.photo.grey.std() > 10 for view in views)
