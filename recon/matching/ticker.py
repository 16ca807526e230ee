"""Tells watchers how far a stage is, a few times a second."""

from __future__ import annotations

import time

from recon.core.events import Observer, Progress

_INTERVAL_SECONDS = 0.2


class Ticker:
    """Counts finished items of a stage; not every one is worth an event."""

    def __init__(self, stage: str, total: int, observer: Observer) -> None:
        self._stage = stage
        self._total = total
        self._observer = observer
        self._done = 0
        self._last_told = 0.0

    def tick(self, count: int = 1) -> None:
        """Count items as done."""
        self._done += count
        now = time.monotonic()
        if self._done == self._total or now - self._last_told > _INTERVAL_SECONDS:
            self._last_told = now
            self._observer(Progress(stage=self._stage, done=self._done, total=self._total))
