"""How a stage ends: what it made goes on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recon.run import Run
from recon.workspace import StageRecord


def finish(run: Run, stage: str, key: str, facts: Mapping[str, Any], *files: Path) -> None:
    """Record in the manifest what a stage made, from what, and in which time."""
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    of_matching, of_mapping = ("pairs", "match", "verify", "write"), ("map", "escalate", "refine", "diagnose")
    spent = {"extract": ("extract",), "match": of_matching, "map": of_mapping}[stage]
    seconds = {name: round(run.seconds.get(name, 0.0), 3) for name in spent}
    record = StageRecord(key, seconds, finished, run.workspace.digests(*files), facts)
    run.workspace.record_stage(stage, record)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep numpy's own threads out of the way while every core has a worker already."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
