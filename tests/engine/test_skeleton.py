"""The skeleton is small, and yet loses no pair, no image and no part of an image."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.engine.skeleton import SkeletonOptions, choose_skeleton
from recon.engine.view_graph import ViewGraph, link_tracks


def random_graph(seed, num_images=6, num_points=150, num_wrong=10):
    """Return a view graph of points that each image sees or not, with some wrong matches."""
    rng = np.random.default_rng(seed)
    sees = rng.random((num_images, num_points)) < 0.6
    counts = sees.sum(1)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    row_of_point = np.where(sees, np.cumsum(sees, axis=1) - 1, -1)
    pairs, matches = [], []
    for k1 in range(num_images):
        for k2 in range(k1 + 1, num_images):
            shared = np.flatnonzero(sees[k1] & sees[k2])
            rows = np.stack([row_of_point[k1, shared], row_of_point[k2, shared]], 1)
            wrong = np.stack([rng.integers(counts[k], size=num_wrong) for k in (k1, k2)], 1)
            pairs.append((k1, k2))
            matches.append(np.concatenate([rows, wrong]) + offsets[[k1, k2]])
    num_rows = int(offsets[-1])
    return ViewGraph(
        image_ids=tuple(range(1, num_images + 1)),
        offsets=offsets,
        keypoints=rng.uniform(0, 1, (num_rows, 2)).astype(np.float32) * np.array([640, 480], np.float32),
        scales_px=rng.uniform(1, 10, num_rows).astype(np.float32),
        image_sizes=np.full((num_images, 2), (640, 480), np.int64),
        pairs=tuple(pairs),
        matches=tuple(matches),
    )


options = st.builds(
    SkeletonOptions,
    keypoints_per_image=st.integers(1, 120),
    matches_per_pair=st.integers(0, 80),
    grid=st.integers(1, 20),
)
graphs = st.builds(random_graph, st.integers(0, 1000), num_wrong=st.integers(0, 20))


@settings(max_examples=40, deadline=None)
@given(graphs, options)
def test_every_pair_keeps_its_least_number_of_matches(graph, how):
    """A link of a weak view graph that is lost here is lost for good."""
    skeleton = choose_skeleton(graph, link_tracks(graph), how)

    assert len(skeleton.matches) == len(graph.pairs)
    for rows, kept in zip(graph.matches, skeleton.matches, strict=True):
        assert len(kept) >= min(how.matches_per_pair, len(rows))
        assert {tuple(row) for row in kept} <= {tuple(row) for row in rows}
    assert skeleton.num_matches == sum(len(kept) for kept in skeleton.matches)


@settings(max_examples=40, deadline=None)
@given(graphs, options)
def test_every_image_reaches_its_keypoints_where_its_tracks_suffice(graph, how):
    tracks = link_tracks(graph)
    skeleton = choose_skeleton(graph, tracks, how)

    on_tracks = tracks.consistent & (tracks.lengths >= 2)
    for k in range(len(graph.image_ids)):
        own = slice(graph.offsets[k], graph.offsets[k + 1])
        assert skeleton.used[own].sum() >= min(how.keypoints_per_image, on_tracks[own].sum())


@settings(max_examples=40, deadline=None)
@given(graphs, options)
def test_used_keypoints_are_those_of_kept_matches(graph, how):
    skeleton = choose_skeleton(graph, link_tracks(graph), how)

    expected = np.zeros(len(graph.keypoints), bool)
    for kept in skeleton.matches:
        expected[kept] = True
    assert np.array_equal(skeleton.used, expected)


@settings(max_examples=40, deadline=None)
@given(graphs, options)
def test_a_chosen_track_is_kept_in_all_its_images(graph, how):
    """Beyond the least matches of a pair, tracks are taken whole: that is what makes them long."""
    tracks = link_tracks(graph)
    skeleton = choose_skeleton(graph, tracks, SkeletonOptions(how.keypoints_per_image, 0, how.grid))

    kept_labels = np.unique(tracks.labels[skeleton.used])
    assert (skeleton.used == np.isin(tracks.labels, kept_labels)).all()
    assert tracks.consistent[skeleton.used].all()


@settings(max_examples=40, deadline=None)
@given(graphs, st.integers(1, 8))
def test_keypoints_are_spread_over_the_image(graph, grid):
    """With room for one keypoint a cell, every cell of the first image that has a track gets one."""
    tracks = link_tracks(graph)
    skeleton = choose_skeleton(graph, tracks, SkeletonOptions(grid * grid, 0, grid))

    own = np.arange(graph.offsets[1])
    cells = (graph.keypoints[own] / graph.image_sizes[0] * grid).astype(int) @ [1, grid]
    on_tracks = (tracks.consistent & (tracks.lengths >= 2))[own]
    assert set(cells[skeleton.used[own]]) == set(cells[on_tracks])


def test_of_one_cell_the_longest_track_is_chosen_then_the_largest_keypoint():
    """Tracks of 3, 2 and 2 images; of the shorter ones the second has the larger scale."""
    graph = ViewGraph(
        image_ids=(1, 2, 3),
        offsets=np.array([0, 3, 6, 7]),
        keypoints=np.full((7, 2), 5, np.float32),
        scales_px=np.array([1, 2, 9, 1, 2, 9, 1], np.float32),
        image_sizes=np.full((3, 2), 10),
        pairs=((0, 1), (0, 2)),
        matches=(np.array([[0, 3], [1, 4], [2, 5]]), np.array([[0, 6]])),
    )

    one, two = (
        choose_skeleton(graph, link_tracks(graph), SkeletonOptions(number, matches_per_pair=0, grid=1))
        for number in (1, 2)
    )

    assert np.flatnonzero(one.used).tolist() == [0, 3, 6]
    assert np.flatnonzero(two.used).tolist() == [0, 2, 3, 5, 6]


def graph_of_tracks(num_images, tracks):
    """Return a view graph of images 20 px wide with a keypoint of each track, given as {image: x}."""
    rows = sorted((k, name, x) for name, track in tracks.items() for k, x in track.items())
    row_of = {(k, name): row for row, (k, name, _) in enumerate(rows)}
    matches = {}
    for name, track in tracks.items():
        for k1, k2 in pairwise(sorted(track)):
            matches.setdefault((k1, k2), []).append((row_of[k1, name], row_of[k2, name]))
    graph = ViewGraph(
        image_ids=tuple(range(num_images)),
        offsets=np.searchsorted([k for k, _, _ in rows], np.arange(num_images + 1)),
        keypoints=np.array([(x, 5) for _, _, x in rows], np.float32),
        scales_px=np.ones(len(rows), np.float32),
        image_sizes=np.full((num_images, 2), (20, 20)),
        pairs=tuple(matches),
        matches=tuple(np.array(pairs) for pairs in matches.values()),
    )
    return graph, [name for _, name, _ in rows]


def test_a_track_that_is_chosen_already_counts_in_its_cell():
    """In image 1 `p`, chosen for image 0, fills the left cell, though `q` beside it is longer; no other image
    has room for `q`."""
    left, right = 5, 15
    graph, names = graph_of_tracks(
        6,
        {
            "p": {0: left, 1: left},
            "q": {1: left, 2: left, 3: left},
            "r": {1: right, 4: right},
            "s": {2: left, 3: left, 4: left, 5: left},
            "t": {2: right, 3: right},
        },
    )
    skeleton = choose_skeleton(graph, link_tracks(graph), SkeletonOptions(2, matches_per_pair=0, grid=2))

    assert {names[row] for row in np.flatnonzero(skeleton.used)} == set("prst")


def test_what_fills_up_a_pair_prefers_consistent_and_long_tracks():
    graph = random_graph(seed=3, num_wrong=3)
    tracks = link_tracks(graph)
    worth = tracks.lengths * (1 + tracks.consistent)
    skeleton = choose_skeleton(graph, tracks, SkeletonOptions(keypoints_per_image=0, matches_per_pair=20))

    for rows, kept in zip(graph.matches, skeleton.matches, strict=True):
        is_kept = {tuple(row) for row in kept.tolist()}
        left_out = [worth[row[0]] for row in rows.tolist() if tuple(row) not in is_kept]
        assert min(worth[kept[:, 0]]) >= max(left_out, default=0)


def test_a_skeleton_is_the_same_each_time():
    graph = random_graph(seed=0)
    first, again = (choose_skeleton(graph, link_tracks(graph), SkeletonOptions(40, 20)) for _ in range(2))

    assert np.array_equal(first.used, again.used)


@pytest.mark.parametrize("num_images", [0, 1])
def test_no_pairs_give_an_empty_skeleton(num_images):
    graph = random_graph(seed=0, num_images=num_images)
    skeleton = choose_skeleton(graph, link_tracks(graph), SkeletonOptions())

    assert skeleton.matches == ()
    assert not skeleton.used.any()
