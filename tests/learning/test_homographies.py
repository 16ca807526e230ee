"""Pairs out of one photo: what a pair says about its places is so, and any photo gives one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from recon.learning import homographies
from recon.learning.crops import MARGIN_PX, jacobians, mapped
from recon.learning.homographies import MIN_POINTS, HomographySource, WarpOptions

SMALL = WarpOptions(size=96)
SEEDS = range(6)


def pair_of(*photos, seed=0, options=SMALL):
    return HomographySource(photos, options).sample(np.random.default_rng(seed))


@pytest.fixture
def unlit(monkeypatch):
    """Leave the light of all crops as it is."""
    monkeypatch.setattr(homographies, "relit", lambda image, rng: image)


def pixels_at(image, positions):
    x, y = (positions.astype(np.float32) - 0.5).T[:, None]
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)[0]


def test_equal_generators_give_equal_pairs_and_others_others(made_photo):
    photos = [made_photo(seed=1), made_photo(seed=2)]
    once, again, other = (pair_of(*photos, seed=seed) for seed in (5, 5, 6))

    for name in once.__slots__:
        assert np.array_equal(getattr(once, name), getattr(again, name)), name
    assert not np.array_equal(once.images, other.images)


@pytest.mark.parametrize("seed", SEEDS)
def test_places_jacobians_and_homography_agree(seed, made_photo):
    pair = pair_of(made_photo(), seed=seed)

    assert len(pair.points1) >= MIN_POINTS
    np.testing.assert_allclose(mapped(pair.homography, pair.points1.astype(float)), pair.points2, atol=1e-3)
    np.testing.assert_allclose(jacobians(pair.homography, pair.points1.astype(float)), pair.jacobians, atol=1e-4)


def test_both_crops_show_the_same_at_the_same_place(made_photo, unlit):
    """The homography is that of the pixels: a quarter of a pixel aside, they would differ twice as much."""
    seen = [pair_of(made_photo(), seed=seed) for seed in range(12)]
    values = [(pixels_at(each.images[0], each.points1), pixels_at(each.images[1], each.points2)) for each in seen]
    first, second = (np.concatenate(column) for column in zip(*values, strict=True))

    assert np.corrcoef(first, second)[0, 1] > 0.98


@pytest.mark.parametrize("seed", SEEDS)
def test_keypoints_are_the_photos_and_lie_inside(seed, made_photo):
    photo = made_photo()
    pair = pair_of(photo, seed=seed)

    for keypoints, scores in ((pair.keypoints1, pair.scores1), (pair.keypoints2, pair.scores2)):
        assert len(keypoints) == len(scores) > 0
        assert keypoints.min() > MARGIN_PX
        assert keypoints.max() < SMALL.size - MARGIN_PX
        assert set(scores) <= set(photo.scores)
    assert {tuple(each) for each in pair.points1} <= {tuple(each) for each in pair.keypoints1}


def test_a_place_has_the_descriptor_of_its_keypoint(made_photo):
    """Told by descriptors that are the keypoints' very positions: one map brings all of them to their places."""
    photo = made_photo()
    pair = pair_of(replace(photo, descriptors=photo.keypoints))

    assert np.array_equal(pair.teacher1, pair.teacher2)
    for points in (pair.points1, pair.points2):
        homography, _ = cv2.findHomography(pair.teacher1.astype(np.float64), points.astype(np.float64))
        assert np.abs(mapped(homography, pair.teacher1.astype(float)) - points).max() < 0.01


def test_without_a_teacher_descriptors_have_no_length(made_photo):
    pair = pair_of(made_photo(length=0))

    assert pair.teacher1.shape == pair.teacher2.shape == (len(pair.points1), 0)


def test_crops_differ_by_no_more_than_the_options_say(made_photo):
    options = replace(SMALL, bend=0.0)
    photo = made_photo(640, 480)
    scales, angles, shifts = [], [], []
    for seed in range(40):
        homography = pair_of(photo, seed=seed, options=options).homography
        turn = homography[:2, :2] / homography[2, 2]
        scales.append(abs(np.log(np.linalg.det(turn)) / 2))
        angles.append(abs(np.degrees(np.arctan2(turn[1, 0], turn[0, 0]))))
        shifts.append(np.abs(mapped(homography, np.full((1, 2), SMALL.size / 2)) - SMALL.size / 2).max() / SMALL.size)

    assert np.log(1.3) < max(scales) <= np.log(options.relative_zoom) + 1e-6
    assert options.relative_angle_deg < max(angles) <= 2 * options.relative_angle_deg + 1e-6
    assert options.shift / 2 < max(shifts) <= options.shift * np.sqrt(2) + 1e-6


@pytest.mark.parametrize("size", [(1, 1), (9, 7), (5, 300), (120, 400), (400, 120)])
@pytest.mark.parametrize("count", [0, 300])
def test_a_photo_of_any_size_gives_a_pair(size, count, made_photo):
    """Tiny, narrow, portrait, or with nothing in it: the pair may teach little, and breaks nothing."""
    pair = pair_of(made_photo(*size, count=count))

    assert pair.images.shape == (2, 96, 96)
    assert pair.images.dtype == np.float32
    assert pair.images.min() >= 0
    assert pair.images.max() <= 1
    assert len(pair.points1) == 0 or count
    for array in (pair.keypoints1, pair.points1, pair.points2, pair.jacobians, pair.homography):
        assert np.isfinite(array).all()


def test_a_photo_with_nothing_in_it_is_passed_over_where_there_are_others(made_photo):
    photos = [made_photo(count=0), made_photo()]

    assert all(len(pair_of(*photos, seed=seed).points1) >= MIN_POINTS for seed in range(10))
