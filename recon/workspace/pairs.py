"""The matches and the two-view geometry of each pair, in one SQLite file, by key; and an image matcher's positions.

Written from one thread, in batches: a run that is killed loses the last seconds and nothing else. A damaged
file is put aside and begun anew, since everything in it can be computed again.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import TypeGuard

import numpy as np

from recon.core.data import Matches
from recon.core.events import Observer, Warned
from recon.workspace.positions import SeenPositions

_SECONDS_BETWEEN_COMMITS = 2.0
_BARE, _SCORED = b"bare", b"with"
"""Four bytes before the indices, so that these stay aligned."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS matches (key BLOB PRIMARY KEY, crc INTEGER NOT NULL, num INTEGER NOT NULL,
                                    content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS geometries (key BLOB PRIMARY KEY, crc INTEGER NOT NULL, num INTEGER NOT NULL,
                                       content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS positions (key BLOB PRIMARY KEY, crc INTEGER NOT NULL, num INTEGER NOT NULL,
                                      content BLOB NOT NULL);
"""
_TABLES = ("matches", "geometries", "positions")


class PairStore:
    """Pair results by key; a context manager that commits what is left and closes."""

    def __init__(self, path: Path, observer: Observer) -> None:
        self._path = path
        try:
            self._connection = _connect(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # a full disk or a folder that refuses is no damaged file
            aside = path.with_name(f"{path.name}.damaged")
            path.replace(aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            observer(Warned(message=f"the kept matches were damaged ({error}) and are made anew", file=str(aside)))
            self._connection = _connect(path)
        self._last_commit = time.monotonic()

    def __enter__(self) -> PairStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._connection.commit()
        finally:
            self._connection.close()

    def counts(self, table: str) -> dict[bytes, int]:
        """Return the number of matches (or of inliers) under every undamaged key of one of the tables."""
        if table not in _TABLES:
            raise ValueError(f"no table {table!r}")
        rows = self._connection.execute(f"SELECT key, num, crc, content FROM {table}")  # noqa: S608 - checked above
        return {key: num for key, num, crc, content in rows if _is_whole(content, crc)}

    def save_matches(self, key: bytes, matches: Matches) -> None:
        """Keep the matches of a pair."""
        self._save("matches", key, len(matches), _matches_to_bytes(matches))

    def load_matches(self, key: bytes) -> Matches | None:
        """Return the matches under a key, None where there are none or they are damaged."""
        content = self._load("matches", key)
        return None if content is None else _matches_from_bytes(content)

    def save_geometry(self, key: bytes, num_inliers: int, content: bytes) -> None:
        """Keep the two-view geometry of a pair, as the engine wrote it."""
        self._save("geometries", key, num_inliers, content)

    def load_geometry(self, key: bytes) -> bytes | None:
        """Return the two-view geometry under a key, None where there is none or it is damaged."""
        return self._load("geometries", key)

    def save_positions(self, key: bytes, positions: SeenPositions) -> None:
        """Keep what an image matcher found in a pair."""
        self._save("positions", key, len(positions), positions.to_bytes())

    def load_positions(self, key: bytes) -> SeenPositions | None:
        """Return the positions under a key, None where there are none or they are damaged."""
        content = self._load("positions", key)
        return None if content is None else SeenPositions.from_bytes(content)

    def _save(self, table: str, key: bytes, num: int, content: bytes) -> None:
        self._connection.execute(
            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)",  # noqa: S608 - a literal
            (key, zlib.crc32(content), num, content),
        )
        if time.monotonic() - self._last_commit > _SECONDS_BETWEEN_COMMITS:
            self._connection.commit()
            self._last_commit = time.monotonic()

    def _load(self, table: str, key: bytes) -> bytes | None:
        query = f"SELECT crc, content FROM {table} WHERE key = ?"  # noqa: S608 - a literal
        try:
            row = self._connection.execute(query, (key,)).fetchone()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return None
        return row[1] if row is not None and _is_whole(row[1], row[0]) else None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    try:
        # The journal survives a killed process; a lost power supply may cost the last seconds, no more.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(_SCHEMA)
        (report,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if report != "ok":
            raise sqlite3.DatabaseError(report)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_whole(content: object, crc: int) -> TypeGuard[bytes]:
    return isinstance(content, bytes) and zlib.crc32(content) == crc


def _matches_to_bytes(matches: Matches) -> bytes:
    content = np.ascontiguousarray(matches.indices, np.uint32).tobytes()
    if matches.scores is None:
        return _BARE + content
    return _SCORED + content + np.ascontiguousarray(matches.scores, np.float32).tobytes()


def _matches_from_bytes(content: bytes) -> Matches:
    has_scores = content[:4] == _SCORED
    num = (len(content) - 4) // (12 if has_scores else 8)
    indices = np.frombuffer(content, np.uint32, 2 * num, 4).reshape(num, 2)
    scores = np.frombuffer(content, np.float32, num, 4 + 8 * num) if has_scores else None
    return Matches(indices, scores)
