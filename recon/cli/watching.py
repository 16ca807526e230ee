"""What commands that take long have in common: progress as it comes, and signals that ask them to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from recon.core.events import Observer


@contextmanager
def watched() -> Iterator[tuple[Observer, Callable[[], bool]]]:
    """Give an observer that shows progress, and a `should_stop` that signals set."""
    from recon.cli.progress import show_progress
    from recon.interrupts import watch_signals

    with show_progress() as observer, watch_signals(lambda text: click.echo(text, err=True)) as should_stop:
        yield observer, should_stop
