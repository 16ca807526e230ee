"""Ctrl-C and SIGTERM: the first asks a run to stop at the next safe place, the second ends the process at once.

The signals are watched by a thread of their own: Python's handlers wait until the main thread comes back from
C++, which in a bundle adjustment takes a while. Everything on disk is whole at any moment, so ending at once
loses no more than the work in hand.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_WATCHED = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"
"""Progress bars hide it, and cannot clean up after a process that ends at once."""


class StopRequest:
    """Whether, and by which signal, the run was asked to stop."""

    def __init__(self) -> None:
        self.signal_number = 0

    def __call__(self) -> bool:
        """Return whether the run shall stop."""
        if threading.current_thread() is threading.main_thread():
            _hold_signals()  # pycolmap takes SIGTERM for its own crash reports whenever it is imported
        return self.signal_number != 0


def _hold_signals() -> dict[int, Any]:
    """Keep the signals from ending the process, and return who had them."""
    return {number: signal.signal(number, _do_nothing) for number in _WATCHED}


def _do_nothing(number: int, frame: FrameType | None) -> None:
    return None


@contextmanager
def watch_signals(tell: Callable[[str], None]) -> Iterator[StopRequest]:
    """Give a `should_stop` that signals set, for as long as the block lasts.

    Args:
        tell: Prints a sentence for the user, from another thread.
    """
    request = StopRequest()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)

    def watch() -> None:
        while byte := receiver.recv(1):
            if byte[0] not in _WATCHED:
                continue
            if request.signal_number:
                if os.isatty(2):
                    os.write(2, _SHOW_CURSOR)
                os._exit(128 + byte[0])
            request.signal_number = byte[0]
            tell("stopping at the next safe place; once more to quit at once")

    before = _hold_signals()
    previous_descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, name="signals", daemon=True)
    watcher.start()
    try:
        yield request
    finally:
        signal.set_wakeup_fd(previous_descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        sender.close()
        watcher.join()
        receiver.close()
