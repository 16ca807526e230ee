"""Work in parallel comes back in order, within bounds, and stops when it is told to."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon.core.errors import Interrupted
from recon.core.executor import available_threads, run_in_order


@given(items=st.lists(st.integers(), max_size=30), threads=st.integers(1, 4), window=st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_results_come_in_the_order_of_the_items(items: list[int], threads: int, window: int) -> None:
    assert list(run_in_order(lambda item: item * 2, items, threads=threads, window=window)) == [i * 2 for i in items]


def test_never_more_than_the_window_is_begun_and_not_yielded() -> None:
    """The window is what bounds memory: a result that nobody has read yet is held."""
    begun: list[int] = []

    results = run_in_order(lambda item: begun.append(item), range(20), threads=2, window=3)
    for taken, _ in enumerate(results, start=1):
        time.sleep(0.002)
        assert len(begun) <= taken + 3


def test_items_are_read_in_the_calling_thread() -> None:
    """A matcher that one thread must have to itself runs there, while the others verify."""
    threads_of_items = set()

    def items():
        for item in range(5):
            threads_of_items.add(threading.get_ident())
            yield item

    list(run_in_order(lambda item: item, items(), threads=3))

    assert threads_of_items == {threading.get_ident()}


@pytest.mark.parametrize("threads", [1, 3])
def test_what_the_function_raises_comes_in_its_turn_and_drops_the_rest(threads: int) -> None:
    done: list[int] = []

    def fail_at_two(item: int) -> int:
        if item == 2:
            raise KeyError(item)
        done.append(item)
        return item

    results = run_in_order(fail_at_two, range(100), threads=threads, window=3)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(KeyError):
        list(results)
    assert len(done) < 10


@pytest.mark.parametrize("threads", [1, 3])
def test_a_stop_finishes_what_was_begun(threads: int) -> None:
    seen: list[int] = []

    results = run_in_order(lambda item: item, range(100), threads=threads, should_stop=lambda: len(seen) >= 4)
    with pytest.raises(Interrupted):
        seen.extend(results)

    assert seen == list(range(len(seen)))
    assert 4 <= len(seen) < 30


def test_a_reader_that_goes_away_leaves_nothing_running() -> None:
    before = threading.active_count()
    results = run_in_order(lambda item: item, range(100), threads=3)
    next(results)

    results.close()

    assert threading.active_count() == before


def test_another_pool_can_take_the_place_of_threads() -> None:
    made: list[int] = []

    def make_pool(workers: int) -> Executor:
        made.append(workers)
        return ThreadPoolExecutor(workers)

    assert list(run_in_order(str, [1, 2], threads=1, make_pool=make_pool)) == ["1", "2"]
    assert made == [1]


def test_at_least_one_thread_is_available() -> None:
    assert available_threads() >= 1
