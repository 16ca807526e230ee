"""Pair results come back as they were kept; a damaged file costs time and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.core.data import Matches
from recon.core.events import Event, Warned, ignore
from recon.workspace.pairs import PairStore

SCORED = Matches(np.array([[0, 5], [3, 2]], np.uint32), np.array([0.5, 0.25], np.float32))
BARE = Matches(np.array([[70000, 1]], np.uint32))


@pytest.mark.parametrize("matches", [SCORED, BARE, Matches.none()])
def test_matches_come_back_as_they_were(matches: Matches, tmp_path: Path) -> None:
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        store.save_matches(b"key", matches)
        store.save_geometry(b"key", 7, b"geometry")

    with PairStore(tmp_path / "pairs.db", ignore) as store:
        again = store.load_matches(b"key")
        assert again is not None
        np.testing.assert_array_equal(again.indices, matches.indices)
        assert (again.scores is None) == (matches.scores is None)
        assert store.load_geometry(b"key") == b"geometry"
        assert store.counts("matches") == {b"key": len(matches)}
        assert store.counts("geometries") == {b"key": 7}
        assert store.load_matches(b"other") is None


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_put_aside_and_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pairs.db"
    path.write_bytes(content)
    events: list[Event] = []

    with PairStore(path, events.append) as store:
        store.save_matches(b"key", BARE)
        assert store.load_matches(b"key") is not None

    assert [type(event) for event in events] == [Warned]
    assert (tmp_path / "pairs.db.damaged").read_bytes() == content


def test_a_flipped_bit_in_a_result_is_a_missing_result(tmp_path: Path) -> None:
    path = tmp_path / "pairs.db"
    with PairStore(path, ignore) as store:
        store.save_geometry(b"key", 1, b"0123456789abcdef")
    content = path.read_bytes()
    assert content.count(b"0123456789abcdef") == 1
    path.write_bytes(content.replace(b"0123456789abcdef", b"0123456789abcdeg"))

    with PairStore(path, ignore) as store:
        assert store.load_geometry(b"key") is None
        assert store.counts("geometries") == {}
