"""Pairs out of two photos: common points of a model are common places of the crops, whichever way up the photos are."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from recon.learning import tracks
from recon.learning.crops import MARGIN_PX, mapped
from recon.learning.homographies import MIN_POINTS, WarpOptions
from recon.learning.tracks import TrackSource, nearest, pairs_of_tracks, tracked_pair

SMALL = WarpOptions(size=96)
WIDTH, HEIGHT = 320, 240
TURNS = [(0.0, 1.0), (30.0, 1.3), (-90.0, 0.8), (180.0, 1.0), (180.0, 1.5)]


def similarity_of(angle_deg, scale):
    """Return the (3, 3) map that turns and scales a photo around its middle."""
    angle = np.radians(angle_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([WIDTH, HEIGHT]) / 2
    return np.vstack([np.column_stack([turn, middle - turn @ middle]), [0, 0, 1]])


def two_photos(made_photo, angle_deg, scale, count=700):
    """Return a photo, and it again turned and scaled, with the same keypoints in both."""
    photo = made_photo(WIDTH, HEIGHT, count=count)
    similarity, half = similarity_of(angle_deg, scale), np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    pixels = np.linalg.inv(half) @ similarity @ half
    return photo, replace(
        photo,
        name="turned.png",
        grey=cv2.warpAffine(photo.grey, pixels[:2], (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderValue=128),
        keypoints=mapped(similarity, photo.keypoints.astype(float)).astype(np.float32),
    )


def in_both(photo1, photo2):
    """Return which keypoints lie well inside of both photos."""
    return np.flatnonzero(
        np.all([(each.keypoints > 3) & (each.keypoints < (WIDTH - 3, HEIGHT - 3)) for each in (photo1, photo2)], (0, 2))
    )


def pair_from(photo1, photo2):
    rows = in_both(photo1, photo2)
    pair = tracked_pair(photo1, photo2, photo1.keypoints[rows], photo2.keypoints[rows])
    assert pair is not None
    return pair


def sample_of(pair, seed=0):
    return TrackSource([pair], SMALL).sample(np.random.default_rng(seed))


def pixels_at(image, positions):
    x, y = (positions - 0.5).T[:, None]
    return cv2.remap(image, x, y, cv2.INTER_LINEAR)[0]


@pytest.mark.parametrize(("angle_deg", "scale"), TURNS)
def test_places_of_both_crops_show_the_same(angle_deg, scale, made_photo, monkeypatch):
    monkeypatch.setattr(tracks, "relit", lambda image, rng: image)
    pair = pair_from(*two_photos(made_photo, angle_deg, scale))
    samples = [sample_of(pair, seed) for seed in range(6)]
    first = np.concatenate([pixels_at(each.images[0], each.points1) for each in samples])
    second = np.concatenate([pixels_at(each.images[1], each.points2) for each in samples])

    assert len(first) > 6 * MIN_POINTS
    assert np.corrcoef(first, second)[0, 1] > 0.97


@pytest.mark.parametrize(("angle_deg", "scale"), TURNS)
def test_crops_lie_nearly_the_same_way_up(angle_deg, scale, made_photo):
    """How the photos lie to each other is undone; what is left is as small as between two crops of one photo."""
    pair = pair_from(*two_photos(made_photo, angle_deg, scale))
    for seed in range(8):
        sample = sample_of(pair, seed)
        left, _ = cv2.estimateAffinePartial2D(sample.points1, sample.points2)

        assert abs(np.degrees(np.arctan2(left[1, 0], left[0, 0]))) < 2 * SMALL.relative_angle_deg
        assert abs(np.log(np.linalg.det(left[:, :2])) / 2) < np.log(SMALL.relative_zoom) / 2 + 1e-2


def test_equal_generators_give_equal_pairs_and_others_others(made_photo):
    pair = pair_from(*two_photos(made_photo, 20, 1))
    once, again, other = (sample_of(pair, seed) for seed in (5, 5, 6))

    for name in once.__slots__:
        assert np.array_equal(getattr(once, name), getattr(again, name), equal_nan=True), name
    assert not np.array_equal(once.images, other.images)


@pytest.mark.parametrize("seed", range(4))
def test_places_lie_inside_and_not_on_each_other(seed, made_photo):
    """No two of them in the same 4x4 pixels: they would be each other's false match."""
    sample = sample_of(pair_from(*two_photos(made_photo, 180, 1, count=3000)), seed)

    for points in (sample.points1, sample.points2):
        assert points.min() > MARGIN_PX
        assert points.max() < SMALL.size - MARGIN_PX
        assert len(np.unique(points // 4, axis=0)) == len(points) >= MIN_POINTS


def test_what_a_model_does_not_tell_is_unknown(made_photo):
    sample = sample_of(pair_from(*two_photos(made_photo, 0, 1)))

    assert np.isnan(sample.jacobians).all()
    assert np.isnan(sample.homography).all()


def test_a_point_has_the_descriptor_of_the_keypoint_beside_it_or_none(made_photo):
    """The model's points are another extractor's: every second one has no keypoint of the teacher's near it."""
    across, down = np.meshgrid(np.arange(8.0, WIDTH - 8, 8), np.arange(8.0, HEIGHT - 8, 8))
    positions = np.stack([across, down], axis=2).reshape(-1, 2)
    is_near = np.arange(len(positions)) % 2 == 0
    there = mapped(similarity_of(180, 1), positions)
    photo1, photo2 = (
        replace(
            made_photo(WIDTH, HEIGHT, count=len(positions)),
            keypoints=(each + np.where(is_near, 1.4, 1.7)[:, None] * [0.6, 0.8]).astype(np.float32),
            descriptors=np.eye(len(positions), dtype=np.float32),
        )
        for each in (positions, there)
    )
    pair = tracked_pair(photo1, photo2, positions, there)
    assert pair is not None
    sample = sample_of(pair)

    found = sample.teacher1.any(axis=1)
    rows = sample.teacher1.argmax(axis=1)[found]
    assert np.array_equal(sample.teacher1, sample.teacher2)
    assert 0 < found.sum() < len(found)
    assert is_near[rows].all()
    photo_to_crop, _ = cv2.estimateAffinePartial2D(positions[rows], sample.points1[found].astype(float))
    moved = positions[rows] @ photo_to_crop[:, :2].T + photo_to_crop[:, 2]
    np.testing.assert_allclose(moved, sample.points1[found], atol=0.01)


def test_a_photo_in_which_the_teacher_finds_nothing_has_no_descriptors(made_photo):
    photo1, photo2 = two_photos(made_photo, 0, 1)
    rows = in_both(photo1, photo2)
    nothing = made_photo(WIDTH, HEIGHT, count=0)
    pair = tracked_pair(photo1, nothing, photo1.keypoints[rows], photo2.keypoints[rows])
    assert pair is not None
    sample = sample_of(pair)

    assert len(sample.points1) >= MIN_POINTS
    assert sample.teacher1.any()
    assert sample.teacher2.shape == sample.teacher1.shape
    assert not sample.teacher2.any()


def test_how_photos_lie_to_each_other_is_found_among_wrong_points(made_photo):
    photo = made_photo(WIDTH, HEIGHT, count=200)
    similarity = similarity_of(180, 1.4)
    positions2 = mapped(similarity, photo.keypoints.astype(float))
    positions2[::4] = np.random.default_rng(0).uniform(0, 200, (50, 2))
    pair = tracked_pair(photo, photo, photo.keypoints, positions2)

    assert pair is not None
    np.testing.assert_allclose(pair.similarity, similarity[:2], atol=0.01)


def test_photos_with_too_little_in_common_are_no_pair(made_photo):
    photo = made_photo(WIDTH, HEIGHT)
    positions = photo.keypoints[: 2 * MIN_POINTS]

    assert tracked_pair(photo, photo, positions, positions) is not None
    assert tracked_pair(photo, photo, positions[1:], positions[1:]) is None
    assert tracked_pair(photo, photo, positions, np.full_like(positions, 50)) is None


def test_nearest_is_the_keypoint_with_the_least_distance():
    random = np.random.default_rng(0)
    keypoints, positions = random.uniform(0, 99, (40, 2)), random.uniform(0, 99, (7, 2))
    index, distances = nearest(keypoints, positions)

    for row, position in enumerate(positions):
        every = [np.hypot(*(position - keypoint)) for keypoint in keypoints]
        assert distances[row] == pytest.approx(min(every))
        assert index[row] == np.argmin(every)


def test_pairs_are_of_photos_with_enough_points_of_the_same_ids(made_photo):
    photos = {name: replace(made_photo(seed=seed), name=name) for seed, name in enumerate("abcd")}
    ids = np.arange(100)
    positions = np.random.default_rng(0).uniform(0, 200, (200, 2)).astype(np.float32)
    found = pairs_of_tracks(
        photos,
        {
            "b": (ids + 50, positions[50:150]),
            "a": (ids, positions[:100]),
            "c": (ids + 80, positions[80:180]),
            "unknown": (ids, positions[:100]),
        },
    )

    assert [(pair.photo1.name, pair.photo2.name) for pair in found] == [("a", "b"), ("b", "c")]
    assert len(found[0].positions1) == 50
    for pair in found:
        assert np.array_equal(pair.positions1, pair.positions2), "points of other ids taken for each other"
