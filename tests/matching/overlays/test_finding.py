"""What stands still is found and covered; what moves, and a scene that comes back, are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from recon.core.data import Features, Matches
from recon.matching.overlays import Overlay, find_still, kept_rows, without_still

SIZE = (800, 600)
RNG = np.random.default_rng(5)


def looks(count, seed):
    """Return descriptors of `count` things, the same for the same seed."""
    values = np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def scatter(count, low, high, seed):
    return np.random.default_rng(seed).uniform(low, high, (count, 2)).astype(np.float32)


def photo(*parts, size=SIZE):
    """Return the features of a photo from (keypoints, descriptors) of its parts, keypoints a little off."""
    keypoints = np.concatenate([each for each, _ in parts])
    keypoints = keypoints + RNG.normal(0, 0.2, keypoints.shape).astype(np.float32)
    inside = ((keypoints >= 0) & (keypoints < size)).all(axis=1)
    return Features(keypoints[inside], np.concatenate([each for _, each in parts])[inside], size)


def scene(shift_px):
    """Return a scene that has moved to the left by this much, 600 things on 2400 x 600 pixels."""
    return scatter(600, (0, 0), (2400, 600), 1) - np.float32([shift_px, 0]), looks(600, 2)


MARK = scatter(25, (600, 540), (780, 580), 3), looks(25, 4)
"""As a date in the lower right corner."""


def find(photos):
    return find_still(photos, {name: each.image_size for name, each in photos.items()})


def named(photos):
    return {f"{k:02d}.jpg": each for k, each in enumerate(photos)}


def test_a_mark_on_moving_photos_is_covered():
    photos = named([photo(scene(40 * k), MARK) for k in range(10)])

    (finding,) = find(photos)

    assert not finding.is_background
    assert finding.overlay.covers(MARK[0]).mean() > 0.9
    assert finding.overlay.share < 0.05
    assert "such as a watermark or a date" in finding.describe()


def test_photos_without_a_mark_have_nothing_standing_still():
    assert find(named([photo(scene(40 * k)) for k in range(10)])) == []


def test_only_photos_of_the_size_that_shares_it_are_covered():
    other = (700, 600)
    photos = named(
        [photo(scene(40 * k), MARK) for k in range(6)] + [photo(scene(40 * k), size=other) for k in range(6)]
    )

    (finding,) = find(photos)

    assert finding.overlay.image_size == SIZE
    assert finding.names == tuple(sorted(photos))[:6]


def test_three_photos_are_too_few_to_tell():
    assert find(named([photo(scene(40 * k), MARK) for k in range(3)])) == []


def test_several_photos_from_each_of_a_few_places_are_no_overlay():
    """As from a tripod: much comes back at the same pixels, but never from another place."""
    assert find(named([photo(scene(120 * (k // 3))) for k in range(12)])) == []


def test_a_mark_is_found_on_photos_from_a_tripod_too():
    (finding,) = find(named([photo(scene(120 * (k // 3)), MARK) for k in range(12)]))

    assert finding.overlay.covers(MARK[0]).mean() > 0.9
    assert finding.overlay.share < 0.05


def test_what_stands_behind_a_turntable_is_covered_and_what_turns_is_not():
    background = scatter(900, (0, 0), (800, 600), 7), looks(900, 8)
    is_free = (np.abs(background[0] - [400, 300]) > [150, 150]).any(axis=1)
    background = background[0][is_free], background[1][is_free]
    thing = scatter(300, (270, 170), (530, 430), 9)
    photos = []
    for k in range(12):
        angle = 0.08 * k
        turn = np.float32([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        photos.append(photo(background, (((thing - 400) @ turn.T + 400).astype(np.float32), looks(300, 10))))

    (finding,) = find(named(photos))

    assert finding.is_background
    assert finding.overlay.covers(background[0]).mean() > 0.9
    assert finding.overlay.covers(thing).mean() < 0.1
    assert "turntable" in finding.describe()


def test_a_camera_that_did_not_move_is_told_of_and_nothing_is_covered():
    photos = named([photo(scene(0), (scatter(100, 0, 600, 50 + k), looks(100, 80 + k))) for k in range(7)])

    (finding,) = find(photos)

    assert finding.overlay is None
    assert "the camera did not move: 7 photos of 800x600" in finding.describe()


def test_photos_without_keypoints_or_descriptors_pass():
    empty = Features(np.zeros((0, 2), np.float32), np.zeros((0, 64), np.float32), SIZE)
    bare = Features(scatter(50, 0, 600, 1), np.zeros((50, 0), np.float32), SIZE)

    assert find(named([empty] * 6)) == []
    assert find(named([bare] * 6)) == []


@pytest.fixture
def overlay():
    covered = np.zeros((60, 80), bool)
    covered[50:, 60:] = True
    return Overlay(SIZE, 10.0, covered)


def test_keypoints_are_dropped_where_the_overlay_covers_photos_of_its_size(overlay):
    keypoints = np.float32([[10, 10], [650, 550], [599.9, 550]])
    same = Features(keypoints, looks(3, 1), SIZE)
    other = Features(keypoints, looks(3, 1), (1000, 700))

    assert kept_rows(same, [overlay]).tolist() == [True, False, True]
    assert kept_rows(other, [overlay]) is None


def test_an_overlay_survives_json(overlay):
    again = Overlay.from_dict(overlay.as_dict())

    assert (again.image_size, again.cell_px) == (overlay.image_size, overlay.cell_px)
    np.testing.assert_array_equal(again.covered, overlay.covered)


def test_matches_at_the_same_pixels_are_dropped():
    features1 = Features(np.float32([[10, 10], [50, 50]]), looks(2, 1), SIZE)
    features2 = Features(np.float32([[10.4, 10], [70, 50]]), looks(2, 1), SIZE)

    moving = without_still(Matches(np.uint32([[0, 0], [1, 1]]), np.float32([0.5, 0.6])), features1, features2)

    assert moving.indices.tolist() == [[1, 1]]
    assert moving.scores.tolist() == pytest.approx([0.6])
