"""What an image matcher found is kept as it was, and not used once it is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from recon.core.data import PairPositions
from recon.core.events import ignore
from recon.workspace.pairs import PairStore
from recon.workspace.positions import SeenPositions


def some(count: int) -> SeenPositions:
    random = np.random.default_rng(count)
    xy1, xy2 = random.uniform(0, 4000, (2, count, 2)).astype(np.float32)
    scores = random.uniform(0, 1, count).astype(np.float32)
    colours1, colours2 = random.integers(0, 256, (2, count, 3), np.uint8)
    return SeenPositions(PairPositions(xy1, xy2, scores), colours1, colours2)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_positions_are_read_as_they_were_written(count: int, tmp_path: Path) -> None:
    kept = some(count)
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        store.save_positions(b"key", kept)
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        read = store.load_positions(b"key")
        counts = store.counts("positions")

    assert counts == {b"key": count}
    assert read is not None
    for name in ("xy1", "xy2", "scores"):
        assert np.array_equal(getattr(read.positions, name), getattr(kept.positions, name))
    assert np.array_equal(read.colours1, kept.colours1)
    assert np.array_equal(read.colours2, kept.colours2)


def test_damaged_positions_are_as_good_as_none(tmp_path: Path) -> None:
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        store.save_positions(b"key", some(10))
    with sqlite3.connect(tmp_path / "pairs.db") as connection:
        connection.execute("UPDATE positions SET content = zeroblob(260)")
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        assert store.load_positions(b"key") is None
        assert store.load_positions(b"another key") is None
        assert store.counts("positions") == {}


def test_a_store_of_an_earlier_version_gets_the_new_table(tmp_path: Path) -> None:
    """Written before there were image matchers, it holds matches that are still good."""
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        store.save_geometry(b"key", 3, b"geometry")
    with sqlite3.connect(tmp_path / "pairs.db") as connection:
        connection.execute("DROP TABLE positions")
    with PairStore(tmp_path / "pairs.db", ignore) as store:
        assert store.counts("positions") == {}
        assert store.load_geometry(b"key") == b"geometry"


def test_colours_of_another_number_are_refused() -> None:
    kept = some(3)
    with pytest.raises(ValueError, match="colours2"):
        SeenPositions(kept.positions, kept.colours1, kept.colours2[:2])
