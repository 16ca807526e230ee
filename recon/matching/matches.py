"""Runs the matcher over the pairs and has each pair verified as soon as it is matched.

Verification comes in as a function: what it returns is bytes to this module, which knows no engine.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from recon.core.components import FeatureMatcher
from recon.core.data import Features, ImagePair, Matches
from recon.core.events import Observer, PairDone
from recon.core.executor import PoolFactory, never, run_in_order, thread_pool
from recon.matching.pairs import in_order_of_use
from recon.matching.ticker import Ticker
from recon.workspace.pairs import PairStore

_BLOCK = 64
"""Images whose pairs are worked off together."""


class Geometry(Protocol):
    """What verification makes of a pair."""

    @property
    def inliers(self) -> Any:
        """(K, 2) matches that agree; K = 0 where the pair is not verified."""
        ...

    def to_bytes(self) -> bytes:
        """Return it as bytes for the store."""
        ...


Verify = Callable[[ImagePair, Features, Features, Matches], Geometry]


@dataclass(frozen=True, slots=True)
class Matching:
    """How pairs are matched and verified, and how their results are named in the store."""

    matcher: FeatureMatcher
    is_thread_safe: bool
    verify: Verify
    """May be called from several threads at once."""
    as_shown: Callable[[str, Features], Features] = lambda name, features: features
    """The features of a photo as the matcher sees them; rows stay rows. Verification sees sensor pixels."""


@dataclass(frozen=True, slots=True)
class PairKeys:
    """Names of pair results: everything that determines them goes in."""

    features: Mapping[str, str]
    """Key of each image's features."""
    cameras: Mapping[str, str]
    """Key of each image's camera."""
    matcher: str
    verification: str

    def matches(self, pair: ImagePair) -> bytes:
        """Return the key of a pair's matches."""
        return _digest(self.features[pair.name1], self.features[pair.name2], self.matcher)

    def geometry(self, pair: ImagePair) -> bytes:
        """Return the key of a pair's two-view geometry."""
        cameras = self.cameras[pair.name1], self.cameras[pair.name2]
        return _digest(self.matches(pair).hex(), *cameras, self.verification)


@dataclass(frozen=True, slots=True)
class MatchOutcome:
    """What became of the pairs."""

    num_pairs: int
    num_cached: int
    num_verified: int
    match_seconds: float
    """Summed over the threads."""
    verify_seconds: float


@dataclass(frozen=True, slots=True)
class _Task:
    pair: ImagePair
    known: Matches | None
    """Matches that an earlier run left."""


@dataclass(frozen=True, slots=True)
class _Matched:
    task: _Task
    matches: Matches
    seconds: float


@dataclass(frozen=True, slots=True)
class _Verified:
    matched: _Matched
    geometry: Geometry
    seconds: float


def match_pairs(
    pairs: Sequence[ImagePair],
    features: Mapping[str, Features],
    keys: PairKeys,
    store: PairStore,
    make_matching: Callable[[], Matching],
    *,
    threads: int,
    observer: Observer,
    should_stop: Callable[[], bool] = never,
    make_pool: PoolFactory = thread_pool,
) -> MatchOutcome:
    """Bring the matches and the geometry of every pair into the store; those that are there already stay.

    Args:
        make_matching: Called once, and only if there is something to do.

    Raises:
        Interrupted: After the pairs that were begun are stored.
    """
    ticker = Ticker("match", len(pairs), observer)
    num_matches, num_inliers = store.counts("matches"), store.counts("geometries")
    missing: list[ImagePair] = []
    verified = 0
    for pair in pairs:
        key1, key2 = keys.matches(pair), keys.geometry(pair)
        if key1 in num_matches and key2 in num_inliers:
            counts = num_matches[key1], num_inliers[key2]
            verified += counts[1] > 0
            observer(_done(pair, *counts, cached=True))
            ticker.tick()
        else:
            missing.append(pair)
    match_seconds = verify_seconds = 0.0
    if missing:
        tasks = (
            _Task(pair, store.load_matches(key) if (key := keys.matches(pair)) in num_matches else None)
            for pair in in_order_of_use(missing, _BLOCK)
        )
        parallel: dict[str, Any] = {"threads": threads, "should_stop": should_stop, "make_pool": make_pool}
        for result in _match_all(tasks, features, make_matching(), parallel):
            pair, matches = result.matched.task.pair, result.matched.matches
            if result.matched.task.known is None:
                store.save_matches(keys.matches(pair), matches)
            inliers = len(result.geometry.inliers)
            store.save_geometry(keys.geometry(pair), inliers, result.geometry.to_bytes())
            match_seconds += result.matched.seconds
            verify_seconds += result.seconds
            verified += inliers > 0
            observer(_done(pair, len(matches), inliers))
            ticker.tick()
    return MatchOutcome(len(pairs), len(pairs) - len(missing), verified, match_seconds, verify_seconds)


def _match_all(
    tasks: Iterable[_Task], features: Mapping[str, Features], matching: Matching, parallel: Mapping[str, Any]
) -> Iterator[_Verified]:
    def match(task: _Task) -> _Matched:
        if task.known is not None:
            return _Matched(task, task.known, 0.0)
        shown1, shown2 = (matching.as_shown(name, features[name]) for name in (task.pair.name1, task.pair.name2))
        start = time.perf_counter()
        matches = matching.matcher.match(shown1, shown2)
        return _Matched(task, matches, time.perf_counter() - start)

    def verify(matched: _Matched) -> _Verified:
        pair = matched.task.pair
        features1, features2 = features[pair.name1], features[pair.name2]
        start = time.perf_counter()
        geometry = matching.verify(pair, features1, features2, matched.matches)
        return _Verified(matched, geometry, time.perf_counter() - start)

    if matching.is_thread_safe:
        return run_in_order(lambda task: verify(match(task)), tasks, **parallel)
    # The matcher has this thread to itself; the others verify what it has matched.
    return run_in_order(verify, map(match, tasks), **parallel)


def _done(pair: ImagePair, matches: int, inliers: int, *, cached: bool = False) -> PairDone:
    return PairDone(name1=pair.name1, name2=pair.name2, matches=matches, inliers=inliers, cached=cached)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode()).digest()[:16]
