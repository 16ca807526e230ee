"""Shows how a run goes, on stderr: bars with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from recon.core.events import Event, ImageRegistered, Noted, Observer, Progress, StageStarted, Warned

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_SECONDS_BETWEEN_LINES = 5.0
_FIGURES_WIDTH = 46
"""Of all that stands beside the bar and the details, in characters."""


@contextmanager
def show_progress() -> Iterator[Observer]:
    """Give an observer that shows the events of a run as they come."""
    if not sys.stderr.isatty():
        yield PlainProgress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    console = Console(stderr=True)
    room = max(24, console.width - _FIGURES_WIDTH)
    bar = min(40, room // 3)
    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(bar),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", table_column=Column(no_wrap=True, max_width=room - bar)),
    )
    with Bars(*columns, console=console) as bars:
        yield BarProgress(bars)


class BarProgress:
    """One bar a stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StageStarted():
                self._tasks[event.stage] = self._bars.add_task(
                    event.stage, total=event.total, completed=event.done, detail=event.summary
                )
            case Progress() if event.stage in self._tasks:
                self._bars.update(self._tasks[event.stage], completed=event.done, total=event.total)
                if event.detail:
                    self._bars.update(self._tasks[event.stage], detail=event.detail)
            case ImageRegistered() if "map" in self._tasks:
                detail = f"{event.points3D:,} points"
                self._bars.update(self._tasks["map"], completed=event.registered, detail=detail)
            case Warned():
                self._bars.console.print(f"warning: {event.message}", markup=False, highlight=False)
            case Noted():
                self._bars.console.print(event.message, markup=False, highlight=False, style="dim")
            case _:
                pass


class PlainProgress:
    """Lines: one when a stage begins, and one every few seconds."""

    def __init__(self) -> None:
        self._stage_began = 0.0
        self._last_line = 0.0
        self._total = 0
        self._done_before = 0

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StageStarted():
                self._stage_began = self._last_line = time.monotonic()
                self._total = event.total or 0
                self._done_before = event.done
                _say(f"{event.stage}: {event.summary}")
            case Progress():
                self._show(event.stage, event.done, event.total, f", {event.detail}" if event.detail else "")
            case ImageRegistered():
                self._show("map", event.registered, self._total, f", {event.points3D} points")
            case Warned():
                _say(f"warning: {event.message}")
            case Noted():
                _say(event.message)
            case _:
                pass

    def _show(self, stage: str, done: int, total: int, detail: str) -> None:
        now = time.monotonic()
        done_now = done - self._done_before
        if now - self._last_line < _SECONDS_BETWEEN_LINES or done_now <= 0:
            return
        self._last_line = now
        left = (now - self._stage_began) / done_now * max(0, total - done)
        _say(f"{stage}: {done} of {total}{detail}, about {left:.0f} s left")


def _say(text: str) -> None:
    click.echo(text, err=True)
