"""`nearest` finds what a plain search over all distances finds, one-to-one and within bounded memory."""

from __future__ import annotations

import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from recon_plugins.nearest import NearestOptions, recon_feature_matchers

from recon import Features, Matches, RunContext
from recon.testing import FeatureMatcherContract, check_matches, random_features

(SPEC,) = recon_feature_matchers()
PLAIN = {"projection": 0, "quick_check": False}
RATIOS = (None, 0.5, 0.8, 0.9, 1.0)


class TestNearest(FeatureMatcherContract):
    spec = SPEC


class TestAllNumbers(FeatureMatcherContract):
    spec = SPEC
    options = PLAIN


class TestEuclidean(FeatureMatcherContract):
    spec = SPEC
    options = {"metric": "euclidean"}  # noqa: RUF012 - as the contract declares it


class TestShortDescriptors(FeatureMatcherContract):
    spec = SPEC
    descriptor_length = 16


def described(rows):
    """Return features with these descriptors, anywhere."""
    rows = np.asarray(rows, np.float32)
    return Features(np.zeros((len(rows), 2), np.float32), rows, (640, 480))


def match(rows1, rows2, **options):
    return SPEC.create(NearestOptions(**options), RunContext()).match(described(rows1), described(rows2))


def as_set(matches):
    return {tuple(row) for row in matches.indices.tolist()}


def half_squared_distances(rows1, rows2, metric):
    """Return (N1, N2) in double precision, of directions for the cosine."""
    rows1, rows2 = (np.asarray(rows, np.float64) for rows in (rows1, rows2))
    if metric == "cosine":
        rows1, rows2 = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (rows1, rows2))
        return 1 - rows1 @ rows2.T
    return 0.5 * ((rows1[:, None] - rows2) ** 2).sum(axis=2)


def plain_search(rows1, rows2, ratio=0.8, metric="cosine"):
    """Return the matches of a search over all distances, one keypoint at a time; the first row wins a tie."""
    distances = half_squared_distances(rows1, rows2, metric)
    taken, found = set(), []
    for row in range(len(rows1)):
        column = int(distances[row].argmin())
        nearest = distances[row, column]
        if nearest > distances[:, column].min() or column in taken:
            continue
        seconds = [np.delete(distances[row], column), np.delete(distances[:, column], row)]
        if ratio is not None and any(len(s) and nearest >= ratio**2 * s.min() for s in seconds):
            continue
        taken.add(column)
        found.append((row, column))
    return found


# Four values of 1/2 and 0 elsewhere: of length 1, with products that are exact and often equal.
_ROW = st.tuples(st.permutations(range(6)), st.lists(st.sampled_from([-0.5, 0.5]), min_size=4, max_size=4)).map(
    lambda drawn: [dict(zip(drawn[0][:4], drawn[1], strict=True)).get(place, 0.0) for place in range(6)]
)
_ROWS = st.lists(_ROW, min_size=1, max_size=12)


@given(_ROWS, _ROWS, st.sampled_from(RATIOS))
@settings(max_examples=300, deadline=None)
def test_a_plain_search_finds_the_same_with_all_ties(rows1, rows2, ratio):
    """Equal descriptors and equal distances are the rule on windows and fences."""
    matches = match(rows1, rows2, ratio=ratio, **PLAIN)

    assert [tuple(row) for row in matches.indices.tolist()] == plain_search(rows1, rows2, ratio)


@given(
    arrays(np.float32, st.tuples(st.integers(1, 10), st.just(3)), elements=st.integers(-6, 6).map(float)),
    arrays(np.float32, st.tuples(st.integers(1, 10), st.just(3)), elements=st.integers(-6, 6).map(float)),
    st.sampled_from(RATIOS),
)
@settings(max_examples=200, deadline=None)
def test_euclidean_looks_at_lengths_too(rows1, rows2, ratio):
    """Of rows of any length, zero too; whole numbers, so that float32 is exact."""
    matches = match(rows1, rows2, ratio=ratio, metric="euclidean", **PLAIN)

    assert [tuple(row) for row in matches.indices.tolist()] == plain_search(rows1, rows2, ratio, "euclidean")


def test_euclidean_takes_descriptors_of_bytes():
    """128 values of 0 to 255, as SIFT's are before they are scaled: large lengths, small differences."""
    random = np.random.default_rng(0)
    rows1 = random.integers(0, 256, (200, 128))
    rows2 = np.clip(rows1[::-1] + random.integers(-40, 41, rows1.shape), 0, 255)
    matches = match(rows1, rows2, metric="euclidean")

    assert as_set(matches) == set(plain_search(rows1, rows2, metric="euclidean"))
    assert len(matches) > 150


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("counts", [(1, 1), (1, 700), (700, 1), (127, 128), (129, 4097), (4200, 300)])
def test_blocks_hide_nothing(counts, ratio):
    """Around the sizes of the blocks in which the products are made, on either side."""
    rows1, rows2 = (random_features(count, length=24, seed=seed).descriptors for seed, count in enumerate(counts))
    rows2 = rows2.copy()
    shared = min(counts) // 2
    rows2[-shared or len(rows2) :] = rows1[:shared] + 0.02

    assert as_set(match(rows1, rows2, ratio=ratio, **PLAIN)) == set(plain_search(rows1, rows2, ratio))


@pytest.mark.parametrize("length", [1, 2, 31, 63])
def test_short_descriptors_are_not_projected(length):
    """A projection to half their length or more saves nothing: the answer is the exact one."""
    rows1, rows2 = (random_features(200, length=length, seed=seed).descriptors for seed in (0, 1))

    exact = match(rows1, rows2, ratio=1.0, **PLAIN)
    assert np.array_equal(match(rows1, rows2, ratio=1.0, projection=32).indices, exact.indices)


@pytest.mark.parametrize("counts", [(3, 3), (20, 2000), (500, 500)])
def test_few_descriptors_are_not_projected(counts):
    """A few rows do not tell in which directions descriptors vary, and take no time as they are."""
    rows1, rows2 = (random_features(count, seed=seed).descriptors for seed, count in enumerate(counts))

    exact = match(rows1, rows2, ratio=1.0, **PLAIN)
    assert np.array_equal(match(rows1, rows2, ratio=1.0, quick_check=False).indices, exact.indices)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("ratio", [None, 0.8, 1.0])
def test_equal_descriptors_are_matched_once_or_not_at_all(metric, ratio):
    """A blank wall: without a ratio test one match survives, with it none."""
    rows = np.tile(random_features(1).descriptors, (300, 1))
    matches = match(rows, rows[:200], metric=metric, ratio=ratio)

    check_matches(matches, described(rows), described(rows[:200]))
    assert len(matches) == (1 if ratio is None else 0)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_empty_sides_give_no_match(metric):
    """Also where an extractor does not say how long its descriptors would have been."""
    some = random_features(5).descriptors
    for none in (np.zeros((0, 128)), np.zeros((0, 0))):
        for rows1, rows2 in ((some, none), (none, some), (none, none)):
            assert len(match(rows1, rows2, metric=metric)) == 0


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_single_rows_match_without_a_second(metric):
    """There is no second nearest that could make them ambiguous."""
    rows = random_features(2).descriptors

    assert as_set(match(rows[:1], rows[1:], metric=metric)) == {(0, 0)}


def test_descriptors_of_length_zero_stop_nothing():
    """An extractor that does not keep the contract must not turn into a division by zero."""
    rows = np.zeros((4, 128), np.float32)
    rows[1, 0] = 1

    assert (1, 1) in as_set(match(rows, rows))


def test_cosine_ignores_lengths():
    rows1, rows2 = (random_features(100, length=8, seed=seed).descriptors for seed in (0, 1))
    lengths = np.random.default_rng(0).uniform(0.1, 50, (100, 1))

    assert as_set(match(lengths * rows1, rows2, ratio=1.0)) == as_set(match(rows1, rows2, ratio=1.0))


def test_on_rows_of_length_one_both_metrics_agree():
    rows1, rows2 = (random_features(300, length=8, seed=seed).descriptors for seed in (0, 1))

    assert as_set(match(rows1, rows2, **PLAIN)) == as_set(match(rows1, rows2, metric="euclidean", **PLAIN))


def test_the_ratio_is_asked_of_either_photo():
    """A keypoint of the first photo that two of the second resemble, and the other way round."""
    one, other = np.eye(2, 64, dtype=np.float32)
    near = one + 0.1 * other

    assert len(match([one, other], [one, near])) == 1
    assert as_set(match([one], [near, one + 0.11 * other])) == set()
    assert as_set(match([near, one + 0.11 * other], [one])) == set()
    assert as_set(match([near, one + 0.11 * other], [one], ratio=None)) == {(0, 0)}


def test_min_similarity_is_a_least_cosine():
    """Independent of the ratio, and of lengths."""
    angles_rad = np.deg2rad([10, 40, 70])
    rows1 = np.eye(3, 6)
    rows2 = np.cos(angles_rad)[:, None] * rows1 + np.sin(angles_rad)[:, None] * np.eye(3, 6, 3)

    assert as_set(match(rows1, 7 * rows2, ratio=None, min_similarity=0.7)) == {(0, 0), (1, 1)}
    assert as_set(match(rows1, rows2, ratio=None, min_similarity=0.9)) == {(0, 0)}
    assert len(match(rows1, rows2, ratio=None, min_similarity=-1.0)) == 3


def test_scores_are_cosines():
    rows1, rows2 = (random_features(50, seed=seed).descriptors for seed in (0, 1))
    for metric in ("cosine", "euclidean"):
        matches = match(3 * rows1, rows2, ratio=None, metric=metric)

        expected = (rows1[matches.indices[:, 0]] * rows2[matches.indices[:, 1]]).sum(axis=1)
        assert matches.scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("option", "values"), [("ratio", (0.0, -1.0, 1.1)), ("min_similarity", (-1.1, 1.1)), ("projection", (-1,))]
)
def test_values_that_make_no_sense_are_refused_by_name(option, values):
    for value in values:
        with pytest.raises(ValueError, match=option):
            NearestOptions(**{option: value})


def test_the_quick_check_passes_over_photos_that_share_nothing():
    """Among thousands of random descriptors some pass the ratio test by chance: not where the check stopped it."""
    rows1, rows2 = (random_features(1100, length=8, seed=seed).descriptors for seed in (0, 1))

    assert len(match(rows1, rows2, ratio=0.9, quick_check=False)) > 0
    rows1, rows2 = (random_features(1100, seed=seed).descriptors for seed in (0, 1))
    assert len(match(rows1, rows2, ratio=1.0, quick_check=True)) == 0
    assert len(match(rows1, rows2, ratio=1.0, quick_check=False)) > 0


def test_small_photos_are_not_checked_first():
    """A few hundred keypoints are matched in no time, and leave the check too little to see."""
    rows1, rows2 = (random_features(1000, seed=seed).descriptors for seed in (0, 1))

    assert len(match(rows1, rows2, ratio=1.0, quick_check=True)) > 0


def test_memory_is_bounded_at_any_number_of_keypoints():
    """All products of 20,000 keypoints with 20,000 would take 1.6 GB."""
    features1, features2 = (random_features(20_000, length=32, seed=seed) for seed in (0, 1))
    matcher = SPEC.create(NearestOptions(quick_check=False), RunContext())
    tracemalloc.start()
    try:
        matches = matcher.match(features1, features2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    check_matches(matches, features1, features2)
    assert peak < 50e6


@pytest.mark.photos
@pytest.mark.parametrize(("photos", "step"), [("lund_door", 3), ("fox", 12)])
def test_a_projection_finds_nearly_all_matches_of_real_photos(features_of, photos, step):
    features = list(features_of(photos, step).values())
    found = wanted = extra = 0
    for features1, features2 in combinations(features, 2):
        exact = as_set(SPEC.create(NearestOptions(**PLAIN), RunContext()).match(features1, features2))
        projected = as_set(SPEC.create(NearestOptions(quick_check=False), RunContext()).match(features1, features2))
        found, wanted, extra = found + len(exact & projected), wanted + len(exact), extra + len(projected - exact)

    assert wanted > 500
    assert found >= 0.98 * wanted
    assert extra <= 0.05 * wanted


@pytest.mark.photos
def test_the_quick_check_passes_over_photos_of_different_places(features_of):
    """That is its worth: most pairs of a large set show nothing in common."""
    doors, others = (list(features_of(*photos).values())[:4] for photos in (("lund_door", 3), ("five_places", 4)))
    matcher = SPEC.create(NearestOptions(), RunContext())

    passed_over = [len(matcher.match(door, other)) == 0 for door in doors for other in others]
    assert np.mean(passed_over) >= 0.5


@pytest.mark.photos
@pytest.mark.parametrize(("photos", "step"), [("lund_door", 2), ("fox", 8), ("five_places", 1), ("temple_ring", 2)])
def test_the_quick_check_loses_no_pair_that_verifies(features_of, photos, step):
    """What it passes over does not survive geometric verification anyway."""
    features = features_of(photos, step)
    thorough = SPEC.create(NearestOptions(quick_check=False), RunContext())
    quick = SPEC.create(NearestOptions(), RunContext())
    lost = [
        (name1, name2)
        for name1, name2 in combinations(features, 2)
        if len(quick.match(features[name1], features[name2])) == 0
        and is_verified(features[name1], features[name2], thorough.match(features[name1], features[name2]))
    ]

    assert lost == []


def is_verified(features1: Features, features2: Features, matches: Matches) -> bool:
    """Return whether the matches of two photos agree with one rigid scene, as a run would judge it."""
    import pycolmap

    from recon.engine.two_view import VerificationOptions, verify_pair

    cameras = [
        pycolmap.Camera.create_from_model_name(0, "SIMPLE_RADIAL", 1.2 * max(features.image_size), *features.image_size)
        for features in (features1, features2)
    ]
    keypoints1, keypoints2 = features1.keypoints, features2.keypoints
    geometry = verify_pair(cameras[0], keypoints1, cameras[1], keypoints2, matches, VerificationOptions())
    return geometry.is_verified


def fan(rows, angle_deg):
    """Return the rows, each turned by an angle into a direction of its own."""
    turned = np.zeros_like(rows)
    turned[:, -len(rows) :] = np.eye(len(rows))
    return np.cos(np.deg2rad(angle_deg)) * rows + np.sin(np.deg2rad(angle_deg)) * turned


def clear_and_less_clear(num_clear, num_wide):
    """Return two photos' rows with matches of ratio 0.71 and of about 0.92 seen from the first."""
    count = num_clear + num_wide
    rows1 = np.eye(count, 2 * count)
    near = fan(rows1, 30)
    # A second neighbour at 33 degrees, in a direction of its own, for those that are not so clear.
    second = near[num_clear:].copy()
    angle = np.deg2rad(33)
    second = np.cos(angle) * rows1[num_clear:] - np.sin(angle) * np.roll(rows1[num_clear:], count, axis=1)
    return rows1, np.vstack([near, second])


@pytest.mark.parametrize(("num_clear", "expected"), [(19, 19), (20, 30)])
def test_less_clear_matches_are_kept_where_clear_ones_say_that_photos_overlap(num_clear, expected):
    rows1, rows2 = clear_and_less_clear(num_clear, 10)

    assert len(match(rows1, rows2, ratio=0.8)) == num_clear
    assert len(match(rows1, rows2, ratio=0.95)) == num_clear + 10
    assert len(match(rows1, rows2, ratio=0.8, wide_ratio=0.95)) == expected


@pytest.mark.parametrize("ratio", [0.95, None])
def test_a_wide_ratio_adds_nothing_to_a_wider_one(ratio):
    """An extractor's suggestion must not get into the way of what the user sets."""
    rows1, rows2 = clear_and_less_clear(20, 10)

    assert len(match(rows1, rows2, ratio=ratio, wide_ratio=0.9)) == len(match(rows1, rows2, ratio=ratio))


@pytest.mark.parametrize("wide_ratio", [0.0, 1.1])
def test_a_wide_ratio_is_a_ratio(wide_ratio):
    with pytest.raises(ValueError, match="wide_ratio"):
        NearestOptions(wide_ratio=wide_ratio)
