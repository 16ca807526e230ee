"""Events as JSON lines: in the workspace, and wherever `--events` says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recon.core.events import Event, Observer


@contextmanager
def write_events(path: Path) -> Iterator[Observer]:
    """Give an observer that appends one JSON object a line to a file, each flushed.

    Raises:
        OSError: The file cannot be opened.
    """
    with path.open("a", encoding="utf-8", buffering=1) as stream:

        def write(event: Event) -> None:
            stream.write(json.dumps(event.as_dict(), ensure_ascii=False, default=str) + "\n")

        yield write
