"""Positions become keypoints that lie apart, each position near to its own, whatever the order of the pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recon.core.data import PairPositions
from recon.matching.merging import colours_at, merge_positions, merged_matches, one_to_one
from recon.matching.nearby import nearest_keypoints

RADIUS_PX = 1.5


@st.composite
def positions(draw, largest: float = 12.0):
    """Positions so dense that most have neighbours within the radius, and their scores."""
    count = draw(st.integers(0, 60))
    coordinates = st.floats(0, largest, width=32, allow_nan=False)
    xy = draw(arrays.arrays(np.float32, (count, 2), elements=coordinates))
    scores = draw(arrays.arrays(np.float32, count, elements=st.floats(0, 1, width=32)))
    return xy, scores


@given(positions())
def test_no_two_keypoints_lie_within_the_radius(case) -> None:
    merged = merge_positions(*case, RADIUS_PX).xy.astype(np.float64)
    distances_px = np.linalg.norm(merged[:, None] - merged[None], axis=2)[~np.eye(len(merged), dtype=bool)]

    assert (distances_px > RADIUS_PX).all()


@given(positions(), st.randoms(use_true_random=False))
def test_the_order_of_positions_does_not_matter(case, random) -> None:
    """Pairs are matched in any order, by one thread or several."""
    xy, scores = case
    order = list(range(len(xy)))
    random.shuffle(order)
    one, other = merge_positions(xy, scores, RADIUS_PX), merge_positions(xy[order], scores[order], RADIUS_PX)

    assert np.array_equal(one.xy, other.xy)
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(xy[one.nearest], xy[order][other.nearest])


@given(positions())
def test_every_keypoint_has_positions_and_lies_among_them(case) -> None:
    xy, scores = case
    merged = merge_positions(xy, scores, RADIUS_PX)
    distances_px = np.linalg.norm(xy[merged.nearest].astype(np.float64) - merged.xy, axis=1)

    assert (len(merged) > 0) == (len(xy) > 0)
    assert (distances_px <= RADIUS_PX).all()
    assert (merged.weights > 0).all()
    assert (np.diff(merged.weights) <= 0).all()


@given(positions(), positions(largest=200.0))
def test_the_nearest_keypoint_is_the_one_that_a_search_through_all_finds(case, others) -> None:
    keypoints = merge_positions(*case, RADIUS_PX).xy
    xy = np.concatenate([case[0], others[0]])
    rows, is_near = nearest_keypoints(xy, keypoints, RADIUS_PX)
    distances_px = np.linalg.norm(xy[:, None].astype(np.float64) - keypoints[None], axis=2)

    if len(keypoints):
        expected = distances_px.min(axis=1)
        assert np.array_equal(is_near, expected**2 <= RADIUS_PX**2)
        assert np.allclose(distances_px[np.arange(len(xy)), rows][is_near], expected[is_near])
    else:
        assert not is_near.any()


@given(positions(), st.data())
@settings(max_examples=50)
def test_a_match_joins_keypoints_near_to_the_positions_it_stands_for(case, data) -> None:
    xy1, scores = case
    xy2 = data.draw(arrays.arrays(np.float32, xy1.shape, elements=st.floats(0, 12, width=32)))
    keypoints1, keypoints2 = (merge_positions(xy, scores, RADIUS_PX).xy for xy in (xy1, xy2))
    matches = merged_matches(keypoints1, keypoints2, PairPositions(xy1, xy2, scores), RADIUS_PX)

    assert matches.scores is not None
    for (row1, row2), score in zip(matches.indices, matches.scores, strict=True):
        near1 = np.linalg.norm(xy1.astype(np.float64) - keypoints1[row1], axis=1) <= RADIUS_PX
        near2 = np.linalg.norm(xy2.astype(np.float64) - keypoints2[row2], axis=1) <= RADIUS_PX
        assert (near1 & near2 & (scores == score)).any()
    for side in (0, 1):
        assert len(np.unique(matches.indices[:, side])) == len(matches)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), max_size=40))
def test_one_to_one_keeps_the_best_and_nothing_that_could_be_added(rows) -> None:
    rows1, rows2, scores = (np.array(column, np.intp) for column in (zip(*rows, strict=True) if rows else ((), (), ())))
    matches = one_to_one(rows1, rows2, scores.astype(np.float32))
    used1, used2 = set(matches.indices[:, 0].tolist()), set(matches.indices[:, 1].tolist())

    assert len(used1) == len(used2) == len(matches)
    for row1, row2, _ in rows:
        assert row1 in used1 or row2 in used2
    if rows:
        assert matches.scores[0] == max(score for _, _, score in rows)


def test_what_several_pairs_see_becomes_one_keypoint_at_their_weighted_mean() -> None:
    xy = np.array([[10, 10], [10.4, 10], [30, 30]], np.float32)
    merged = merge_positions(xy, np.array([3, 1, 1], np.float32), RADIUS_PX)

    assert merged.xy.tolist() == [pytest.approx([10.1, 10]), [30, 30]]
    assert merged.weights.tolist() == [4, 1]
    assert merged.nearest.tolist() == [0, 2]


def test_positions_across_the_border_of_a_cell_are_merged_too() -> None:
    """Cells are a means to find neighbours; nothing may depend on where their borders lie."""
    for x in np.arange(0, 6, 0.25):
        xy = np.array([[x, 5], [x + 0.5, 5]], np.float32)

        assert len(merge_positions(xy, np.ones(2, np.float32), RADIUS_PX)) == 1


def test_tracks_of_three_photos_come_of_three_pairs() -> None:
    """Each pair places the same ten points a little differently; the merged rows agree all the same."""
    random = np.random.default_rng(0)
    truth = random.uniform(0, 500, (10, 2))
    pairs = [(0, 1), (0, 2), (1, 2)]
    found = {
        pair: PairPositions(
            *((truth + random.uniform(-0.3, 0.3, truth.shape)).astype(np.float32) for _ in pair),
            np.ones(10, np.float32),
        )
        for pair in pairs
    }
    keypoints = []
    for photo in range(3):
        of_photo = [each.xy1 if pair[0] == photo else each.xy2 for pair, each in found.items() if photo in pair]
        keypoints.append(merge_positions(np.concatenate(of_photo), np.ones(20, np.float32), RADIUS_PX).xy)
    rows = {
        pair: dict(merged_matches(keypoints[pair[0]], keypoints[pair[1]], found[pair], RADIUS_PX).indices.tolist())
        for pair in pairs
    }

    assert [len(each) for each in keypoints] == [10, 10, 10]
    assert all(rows[1, 2][rows[0, 1][row]] == rows[0, 2][row] for row in range(10))


def test_a_position_on_the_border_has_the_colour_of_the_last_pixel() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)

    assert colours_at(np.array([[2, 2], [0.5, 1.5]], np.float32), pixels).tolist() == [[9, 10, 11], [6, 7, 8]]
    assert colours_at(np.zeros((0, 2), np.float32), pixels).shape == (0, 3)
