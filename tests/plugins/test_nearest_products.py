"""However far off the first pass, the same neighbours come out: those of exact arithmetic, the first of equals."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recon_plugins.nearest import NearestOptions, recon_feature_matchers
from recon_plugins.nearest.bfloat16 import Bfloat16Pass
from recon_plugins.nearest.products import TileMaxima, float32_pass, mutual_nearest, padded, tile_width

from recon import Features, RunContext
from recon.testing import random_features

ROUNDED_PASS = Bfloat16Pass(threads=1)


def sure_pass(vectors1, vectors2):
    """Return the maxima of exact products."""
    tiles1, tiles2 = (
        padded(vectors).astype(np.float64).reshape(-1, tile_width(len(vectors)), vectors.shape[1])
        for vectors in (vectors1, vectors2)
    )
    return TileMaxima(
        np.stack([(vectors1 @ tile.T).max(axis=1) for tile in tiles2], axis=1),
        np.stack([(vectors2 @ tile.T).max(axis=1) for tile in tiles1], axis=1),
        0.0,
    )


def wrong_pass(error, seed):
    """Return a first pass that is off by as much as it admits."""
    random = np.random.default_rng(seed)

    def first_pass(vectors1, vectors2):
        sure = sure_pass(vectors1, vectors2)
        disturbed = (maxima + random.uniform(-error, error, maxima.shape) for maxima in (sure.of_rows1, sure.of_rows2))
        return TileMaxima(*disturbed, error)

    return first_pass


def matched(rows1, rows2, first_pass, is_clear):
    (found,) = mutual_nearest(rows1, rows2, first_pass, [] if is_clear is None else [is_clear])
    return found


def clear_by(ratio):
    def is_clear(best, second):
        return np.maximum(1 - best, 0) < ratio**2 * np.maximum(1 - second, 0)

    return is_clear


def exact_search(products, is_clear):
    """Return the mutual nearest by a matrix of exact products, one row at a time."""
    taken, found = set(), []
    for row, of_row in enumerate(products):
        column = int(of_row.argmax())
        best = of_row[column]
        if best < products[:, column].max() or column in taken:
            continue
        taken.add(column)
        seconds = [np.delete(of_row, column), np.delete(products[:, column], row)]
        second = np.array([others.max() if len(others) else -np.inf for others in seconds])
        if is_clear is None or is_clear(np.array([best, best]), second).all():
            found.append((row, column))
    return found


def of_few_values(count, length, seed):
    """Return rows of length 1 with four values of 1/2 or -1/2: their products are exact, and mostly ties."""
    random = np.random.default_rng(seed)
    rows = np.zeros((count, length), np.float32)
    for row in rows:
        row[random.choice(length, 4, replace=False)] = random.choice([-0.5, 0.5], 4)
    return rows


@given(
    counts=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    length=st.integers(6, 20),
    seed=st.integers(0, 2**32 - 1),
    ratio=st.sampled_from([None, 0.7, 0.9, 1.0]),
    error=st.sampled_from([0.0, 1e-4, 0.05, 0.6]),
)
@settings(max_examples=60, deadline=None)
def test_no_first_pass_changes_the_answer_ties_included(counts, length, seed, ratio, error):
    rows1, rows2 = (of_few_values(count, length, [seed, side]) for side, count in enumerate(counts))
    is_clear = None if ratio is None else clear_by(ratio)
    expected = exact_search((rows1 @ rows2.T).astype(np.float64), is_clear)

    for first_pass in (float32_pass, ROUNDED_PASS, wrong_pass(error, seed)):
        assert [tuple(row) for row in matched(rows1, rows2, first_pass, is_clear).tolist()] == expected


@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([1e-8, 1e-7, 1e-6, 1e-3, 0.1, 1.0]),
    counts=st.sampled_from([(1, 500), (600, 300), (700, 700)]),
    ratio=st.sampled_from([None, 0.8, 0.95, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_what_float32_cannot_tell_apart_is_told_apart(seed, spread, counts, ratio):
    """Crowds of rows around a few directions: nearer to each other than the rounding of float32, or of bfloat16."""
    random = np.random.default_rng(seed)
    crowd = random.normal(size=(20, 64))
    rows1, rows2 = (crowd[random.integers(0, 20, n)] + spread * random.normal(size=(n, 64)) for n in counts)
    rows1, rows2 = ((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for rows in (rows1, rows2))
    products = np.einsum("ik,jk->ij", rows1.astype(np.longdouble), rows2.astype(np.longdouble))
    is_clear = None if ratio is None else clear_by(ratio)
    found = [matched(rows1, rows2, each, is_clear) for each in (float32_pass, ROUNDED_PASS)]

    assert np.array_equal(*found)
    if ratio is None:  # near a threshold, more digits may decide otherwise
        rows, columns = found[0].T
        assert np.all(products[rows, columns] >= products[rows].max(axis=1) - 1e-15)
        assert np.all(products[rows, columns] >= products[:, columns].max(axis=0) - 1e-15)
        assert len(rows) > 0


@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(1, 300),
    scale=st.sampled_from([0.01, 1.0, 300.0]),
    counts=st.sampled_from([(1, 1), (300, 40), (257, 1025)]),
)
@settings(max_examples=60, deadline=None)
def test_no_first_pass_is_further_off_than_it_admits(seed, length, scale, counts):
    random = np.random.default_rng(seed)
    rows1, rows2 = ((scale * random.normal(size=(count, length))).astype(np.float32) for count in counts)
    sure = sure_pass(rows1.astype(np.float64), rows2.astype(np.float64))

    for first_pass in (float32_pass, ROUNDED_PASS):
        maxima = first_pass(rows1, rows2)
        assert maxima.of_rows1.shape == sure.of_rows1.shape
        assert np.abs(maxima.of_rows1 - sure.of_rows1).max() <= maxima.error
        assert np.abs(maxima.of_rows2 - sure.of_rows2).max() <= maxima.error


def test_what_bfloat16_admits_is_small():
    """Else everything would be looked at again: of descriptors of length 1, far less than they differ by."""
    rows1, rows2 = (random_features(2000, length=64, seed=seed).descriptors for seed in (0, 1))

    assert ROUNDED_PASS(rows1, rows2).error < 0.007


@pytest.mark.parametrize("counts", [(1024, 1024), (1500, 5000), (9000, 1100)])
def test_bfloat16_changes_no_match(counts):
    features1, features2 = (random_features(count, length=64, seed=seed) for seed, count in enumerate(counts))
    for ratio in (None, 0.95):
        with_it, without = (
            matcher(ratio=ratio, bfloat16=choice).match(features1, features2) for choice in ("auto", "never")
        )
        rounded = matched(
            features1.descriptors, features2.descriptors, ROUNDED_PASS, None if ratio is None else clear_by(ratio)
        )

        assert np.array_equal(with_it.indices, without.indices)
        assert np.array_equal(rounded, without.indices)
        assert len(without) > 0


def matcher(**options):
    (spec,) = recon_feature_matchers()
    return spec.create(NearestOptions(quick_check=False, **options), RunContext())


@pytest.mark.photos
@pytest.mark.parametrize("photos", ["lund_door", "fox"])
def test_bfloat16_changes_no_match_of_real_photos(features_of, photos):
    """Of all numbers of the descriptors, and of their first 64: fox has repeated patterns."""
    features = list(features_of(photos, 3).values())[:4]
    for features1, features2 in pairwise(features):
        for length in (64, 128):
            rows1, rows2 = (unit(each.descriptors[:, :length]) for each in (features1, features2))
            for is_clear in (None, clear_by(0.8)):
                exact = matched(rows1, rows2, float32_pass, is_clear)

                assert np.array_equal(matched(rows1, rows2, ROUNDED_PASS, is_clear), exact)


def unit(rows):
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.ascontiguousarray(rows / lengths, np.float32)


def test_torch_keeps_its_threads():
    """The pass counts its own; what else runs in this thread keeps those it had."""
    rows = random_features(1500, length=64).descriptors
    before = torch.get_num_threads()
    ROUNDED_PASS(rows, rows)

    assert torch.get_num_threads() == before


def test_torch_is_not_loaded_for_a_match():
    """Loading it takes as long as hundreds of pairs; `sift` and `nearest` run where it is not installed."""
    code = (
        "import sys; sys.modules['torch'] = None\n"  # an import of it fails
        "from recon_plugins.nearest import NearestMatcher, NearestOptions\n"
        "from recon.testing import random_features\n"
        "features = [random_features(1100, length=64, seed=seed) for seed in (0, 1)]\n"
        "print(len(NearestMatcher(NearestOptions(ratio=None)).match(*features)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_descriptors_that_are_no_numbers_stop_nothing():
    """An extractor that does not keep the contract must not end a run of a thousand photos."""
    rows = random_features(300, length=64).descriptors.copy()
    rows[5:8] = np.nan
    features = Features(np.zeros((300, 2), np.float32), rows, (640, 480))

    assert len(matcher(ratio=None).match(features, features)) <= 300
