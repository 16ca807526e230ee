"""Matches link keypoints into tracks; the fast labelling agrees with a plain union-find on any graph."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.engine.database_file import open_database
from recon.engine.view_graph import ViewGraph, link_tracks, read_view_graph


def graph_of(counts, matches_of_pair):
    """Return a view graph with `counts` keypoints in each image and matches by (row, row) within the images."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    num_rows = int(offsets[-1])
    return ViewGraph(
        image_ids=tuple(range(1, len(counts) + 1)),
        offsets=offsets,
        keypoints=np.zeros((num_rows, 2), np.float32),
        scales_px=np.ones(num_rows, np.float32),
        image_sizes=np.full((len(counts), 2), 100, np.int64),
        pairs=tuple(matches_of_pair),
        matches=tuple(
            np.array(rows, np.int64).reshape(-1, 2) + offsets[list(pair)] for pair, rows in matches_of_pair.items()
        ),
    )


@st.composite
def graphs(draw):
    counts = draw(st.lists(st.integers(0, 8), min_size=0, max_size=6))
    pairs = [(k1, k2) for k1 in range(len(counts)) for k2 in range(k1 + 1, len(counts)) if counts[k1] and counts[k2]]
    matches = {}
    for k1, k2 in draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else ():
        rows = st.tuples(st.integers(0, counts[k1] - 1), st.integers(0, counts[k2] - 1))
        matches[k1, k2] = draw(st.lists(rows, max_size=8))
    return graph_of(counts, matches)


def union_find(graph):
    """Return the members of each track by its smallest row: one match at a time."""
    parent = list(range(int(graph.offsets[-1])))

    def root(row):
        while parent[row] != row:
            row = parent[row]
        return row

    for rows in graph.matches:
        for row1, row2 in rows:
            root1, root2 = sorted((root(row1), root(row2)))
            parent[root2] = root1
    members = {}
    for row in range(len(parent)):
        members.setdefault(root(row), []).append(row)
    return members


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_tracks_are_those_of_union_find(graph):
    tracks = link_tracks(graph)

    image_of_row = graph.image_of_row
    for smallest, rows in union_find(graph).items():
        num_images = len(set(image_of_row[rows].tolist()))
        assert (tracks.labels[rows] == smallest).all()
        assert (tracks.lengths[rows] == num_images).all()
        assert (tracks.consistent[rows] == (len(rows) == num_images)).all()


@pytest.mark.parametrize("num_images", [2, 3, 50, 1000])
def test_a_long_chain_is_one_track(num_images):
    """Photos of a corridor: each keypoint is matched to the next photo's only."""
    chain = {(k, k + 1): [(0, 0)] for k in range(num_images - 1)}
    tracks = link_tracks(graph_of([1] * num_images, chain))

    assert (tracks.labels == 0).all()
    assert (tracks.lengths == num_images).all()


def test_a_track_with_two_keypoints_in_one_image_is_not_consistent():
    """One point cannot be seen twice in one photo: some match on the way is wrong."""
    tracks = link_tracks(graph_of([2, 1, 2], {(0, 1): [(0, 0)], (0, 2): [(0, 0)], (1, 2): [(0, 1)]}))

    assert tracks.consistent.tolist() == [False, True, False, False, False]
    assert tracks.lengths.tolist() == [3, 1, 3, 3, 3]


def read(path):
    with open_database(path) as database:
        options = pycolmap.DatabaseCacheOptions()
        options.min_num_matches = 15
        return read_view_graph(database, pycolmap.DatabaseCache.create(database, options))


def test_the_graph_holds_the_verified_matches_of_the_database(synthesize):
    path, _ = synthesize(images=5, points=50)

    graph = read(path)

    with open_database(path) as database:
        assert graph.image_ids == tuple(sorted(image.image_id for image in database.read_all_images()))
        assert len(graph.pairs) == 10
        for (k1, k2), rows in zip(graph.pairs, graph.matches, strict=True):
            image_id1, image_id2 = graph.image_ids[k1], graph.image_ids[k2]
            geometry = database.read_two_view_geometry(image_id1, image_id2)
            expected = [tuple(pair) for pair in geometry.inlier_matches]
            assert sorted(tuple(pair) for pair in rows - graph.offsets[[k1, k2]]) == sorted(expected)
        for k, image_id in enumerate(graph.image_ids):
            own = slice(graph.offsets[k], graph.offsets[k + 1])
            assert np.array_equal(graph.keypoints[own], database.read_keypoints(image_id)[:, :2])
            assert (graph.image_of_row[own] == k).all()
    assert graph.num_matches == sum(len(rows) for rows in graph.matches) > 0
    assert (graph.image_sizes == (1024, 768)).all()


def test_a_graph_without_verified_pairs_is_empty(tmp_path):
    path = tmp_path / "empty.db"
    pycolmap.Database.open(path).close()

    graph = read(path)

    assert graph.pairs == ()
    assert graph.num_matches == 0
    assert link_tracks(graph).labels.shape == (0,)


@pytest.mark.parametrize(
    ("columns", "scale"),
    [((), 1.0), ((3.0, 0.5), 3.0), ((3.0, 0.0, 4.0, 0.0), 5.0)],
    ids=["position only", "scale and orientation", "affine shape"],
)
def test_scales_come_from_the_columns_that_colmap_writes(synthesize, columns, scale):
    path, _ = synthesize(images=3, points=50)
    with pycolmap.Database.open(path) as database:
        for image in database.read_all_images():
            positions = database.read_keypoints(image.image_id)[:, :2]
            shapes = np.tile(np.array(columns, np.float32), (len(positions), 1))
            database.update_keypoints(image.image_id, np.concatenate([positions, shapes], axis=1).astype(np.float32))

    assert np.allclose(read(path).scales_px, scale)
