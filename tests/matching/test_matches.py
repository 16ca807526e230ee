"""Every pair is matched and verified once; what an earlier run left is used, and only as far as it still holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from recon.core.data import Features, ImagePair, Matches
from recon.core.errors import Interrupted
from recon.core.events import Event, PairDone, ignore
from recon.matching.matches import Matching, MatchOutcome, PairKeys, match_pairs
from recon.workspace.pairs import PairStore

NAMES = [f"{number}.jpg" for number in range(5)]
PAIRS = [ImagePair.of(*pair) for pair in combinations(NAMES, 2)]
FEATURES = {
    name: Features(np.full((4, 2), number, np.float32), np.ones((4, 2), np.float32), (9, 9))
    for number, name in enumerate(NAMES)
}
KEYS = PairKeys({name: f"features {name}" for name in NAMES}, dict.fromkeys(NAMES, "camera"), "matcher", "verify")


class CountingMatcher:
    """Matches as many keypoints as the second photo's number says."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []
        self.threads: set[int] = set()

    def match(self, features1: Features, features2: Features) -> Matches:
        self.calls.append((int(features1.keypoints[0, 0]), int(features2.keypoints[0, 0])))
        self.threads.add(threading.get_ident())
        rows = np.arange(self.calls[-1][1], dtype=np.uint32)
        return Matches(np.stack([rows, rows], axis=1))


@dataclass(frozen=True)
class AllButOne:
    """A geometry that rejects one match."""

    inliers: np.ndarray

    def to_bytes(self) -> bytes:
        return self.inliers.tobytes()


class CountingVerifier:
    def __init__(self) -> None:
        self.pairs: list[ImagePair] = []

    def __call__(self, pair: ImagePair, features1: Features, features2: Features, matches: Matches) -> AllButOne:
        self.pairs.append(pair)
        return AllButOne(matches.indices[1:])


@pytest.fixture
def match(tmp_path: Path) -> Callable[..., tuple[CountingMatcher, CountingVerifier, MatchOutcome]]:
    def run(keys: PairKeys = KEYS, *, thread_safe: bool = True, pairs=PAIRS, **options: object):
        matcher, verifier = CountingMatcher(), CountingVerifier()
        options = {"threads": 3, "observer": ignore, **options}
        with PairStore(tmp_path / "pairs.db", ignore) as store:
            make = lambda: Matching(matcher, thread_safe, verifier)  # noqa: E731
            outcome = match_pairs(pairs, FEATURES, keys, store, make, **options)
        return matcher, verifier, outcome

    return run


@pytest.mark.parametrize("thread_safe", [True, False])
@pytest.mark.parametrize("threads", [1, 3])
def test_every_pair_is_matched_and_verified_once(threads: int, thread_safe: bool, match) -> None:
    events: list[Event] = []

    matcher, verifier, outcome = match(threads=threads, thread_safe=thread_safe, observer=events.append)

    assert sorted(matcher.calls) == sorted((a, b) for a, b in combinations(range(5), 2))
    assert sorted(verifier.pairs) == PAIRS
    done = {(event.name1, event.name2): (event.matches, event.inliers) for event in events if type(event) is PairDone}
    assert done == {(pair.name1, pair.name2): (int(pair.name2[0]), int(pair.name2[0]) - 1) for pair in PAIRS}
    assert (outcome.num_pairs, outcome.num_cached, outcome.num_verified) == (10, 0, 9)


def test_a_matcher_that_is_not_thread_safe_has_one_thread_to_itself(match) -> None:
    matcher, _, _ = match(thread_safe=False)

    assert matcher.threads == {threading.get_ident()}


def test_the_same_again_does_nothing(match) -> None:
    match()
    matcher, verifier, outcome = match()

    assert (matcher.calls, verifier.pairs) == ([], [])
    assert (outcome.num_cached, outcome.num_verified) == (10, 9)


def test_another_verification_keeps_the_matches(match) -> None:
    match()
    matcher, verifier, _ = match(replace(KEYS, verification="stricter"))

    assert matcher.calls == []
    assert sorted(verifier.pairs) == PAIRS


def test_another_camera_verifies_its_pairs_anew(match) -> None:
    match()
    matcher, verifier, _ = match(replace(KEYS, cameras={**KEYS.cameras, NAMES[0]: "other"}))

    assert matcher.calls == []
    assert sorted(verifier.pairs) == [pair for pair in PAIRS if pair.name1 == NAMES[0]]


@pytest.mark.parametrize("change", [{"matcher": "other"}, {"features": dict.fromkeys(NAMES, "other")}])
def test_other_features_or_another_matcher_redo_everything(change: dict[str, object], match) -> None:
    match()
    matcher, verifier, _ = match(replace(KEYS, **change), threads=1, pairs=PAIRS[:1])

    assert len(matcher.calls) == len(verifier.pairs) == 1


def test_a_stop_keeps_the_pairs_that_were_begun(match) -> None:
    events: list[Event] = []

    with pytest.raises(Interrupted):
        match(threads=1, observer=events.append, should_stop=lambda: len(events) >= 6)
    _, _, outcome = match()

    done = sum(isinstance(event, PairDone) for event in events)
    assert 0 < done < 10
    assert outcome.num_cached == done
