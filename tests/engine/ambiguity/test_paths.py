"""The widest paths: against every path there is, in small graphs."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recon.engine.ambiguity.paths import are_linked, overlap_matrix, widest_paths


def narrowest(overlaps, path):
    return min(overlaps[a, b] for a, b in itertools.pairwise(path))


def best_of_all_paths(overlaps, start, end):
    others = [k for k in range(len(overlaps)) if k not in (start, end)]
    return max(
        narrowest(overlaps, (start, *between, end))
        for size in range(len(others) + 1)
        for between in itertools.permutations(others, size)
    )


graphs = st.integers(2, 6).flatmap(
    lambda n: st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), min_size=n * n, max_size=n * n).map(
        lambda values: np.maximum(np.triu(np.reshape(values, (n, n)), 1), np.triu(np.reshape(values, (n, n)), 1).T)
    )
)


@given(graphs)
def test_no_path_is_wider(overlaps):
    widest = widest_paths(overlaps)

    for start, end in itertools.combinations(range(len(overlaps)), 2):
        best = best_of_all_paths(overlaps, start, end)
        assert widest.overlap[start, end] == widest.overlap[end, start] == best
        if best > 0:
            path = widest.path(start, end)
            assert (path[0], path[-1]) == (start, end)
            assert len(set(path)) == len(path)
            assert narrowest(overlaps, path) == best


@given(graphs, st.sampled_from([0.1, 0.2, 0.5]))
def test_two_images_are_linked_where_a_path_is_wide_enough(overlaps, least):
    everywhere = np.ones(len(overlaps), bool)

    for start, end in itertools.combinations(range(len(overlaps)), 2):
        assert are_linked(overlaps, everywhere, start, end, least) == (best_of_all_paths(overlaps, start, end) >= least)


def test_a_link_leads_through_allowed_images_only():
    overlaps = overlap_matrix(3, [(0, 1), (1, 2)], [0.8, 0.8])

    assert are_linked(overlaps, np.array([True, True, True]), 0, 2, 0.5)
    assert not are_linked(overlaps, np.array([True, False, True]), 0, 2, 0.5)
