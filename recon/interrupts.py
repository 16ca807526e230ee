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

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether, and by which signal, the run was asked to stop."""

    def __init__(self) -> None:
        self.signal_number = 0

    def __call__(self) -> bool:
        """Return whether the run shall stop."""
        return self.signal_number != 0


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
            if request():
                os._exit(128 + byte[0])
            request.signal_number = byte[0]
            tell("stopping at the next safe place; once more to quit at once")

    # The handlers do nothing, but without them the signals would end the process.
    before = {number: signal.signal(number, lambda *_: None) for number in _WATCHED}
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
