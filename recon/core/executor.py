"""Per-photo and per-pair work in parallel: the one interface through which every stage does it.

A stage hands a function and items to `run_in_order` and reads the results in the items' order. The pool is
a `concurrent.futures.Executor` made by a factory, so that another engine (a cluster's) can take its place
without a stage knowing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TypeVar

from recon.core.errors import Interrupted

Item = TypeVar("Item")
Result = TypeVar("Result")
PoolFactory = Callable[[int], Executor]
"""Makes an executor with that many workers."""


def thread_pool(threads: int) -> Executor:
    """Return the default pool: threads, since the heavy work is in C++ that releases the GIL."""
    return ThreadPoolExecutor(threads, thread_name_prefix="recon")


def available_threads() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def never() -> bool:
    """Return False: the `should_stop` of work that nobody interrupts."""
    return False


def run_in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    window: int | None = None,
    should_stop: Callable[[], bool] = never,
    make_pool: PoolFactory = thread_pool,
) -> Iterator[Result]:
    """Yield `function(item)` for every item, in the items' order.

    Args:
        items: Read one at a time in the calling thread, never further ahead than the window.
        threads: Workers; with one, everything happens in the calling thread.
        window: Most items that are begun and not yet yielded, which bounds memory; default 4 a worker.
        should_stop: Asked before each item is begun.

    Raises:
        Interrupted: `should_stop` said so; items that were begun are finished and yielded first.
        Exception: What `function` raised, in the item's turn; items not yet begun are dropped.
    """
    if threads == 1 and make_pool is thread_pool:
        for item in items:
            _check(should_stop)
            yield function(item)
        return
    limit = max(1, window or 4 * threads)
    pending: deque[Future[Result]] = deque()
    pool = make_pool(threads)
    stopped = False
    try:
        for item in items:
            stopped = should_stop()
            if stopped:
                break
            pending.append(pool.submit(function, item))
            while pending and (len(pending) >= limit or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        # Also when the caller stops reading, or Ctrl-C lands here: nothing may run on behind a closed workspace.
        pool.shutdown(wait=True, cancel_futures=True)
    if stopped:
        _check(lambda: True)


def _check(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Interrupted("stopped between two items")
