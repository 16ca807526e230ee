"""The forecast: measured times multiplied, with a range that is honest and never upside down."""

from __future__ import annotations

import pytest

from recon.preflight.cost import (
    PairForecast,
    Probe,
    Spent,
    describe_basis,
    forecast_memory_mb,
    forecast_seconds,
    stopwatch,
)

PROBE = Probe(("a.jpg", "b.jpg"), Spent(1.0, 1.0), Spent(0.1, 0.1), keypoints=4096)
BUSY = Probe(("a.jpg", "b.jpg"), Spent(3.0, 1.0), Spent(0.3, 0.1), keypoints=4096)
PAIRS = PairForecast("exhaustive", 45, 45, "")


def test_what_was_measured_lies_within_the_range():
    seconds = forecast_seconds(10, PAIRS, PROBE, threads=1)

    assert seconds["extract"][0] < 10 < seconds["extract"][1]
    assert seconds["match"][0] < 4.5 < seconds["match"][1]
    assert seconds["total"] == (
        pytest.approx(sum(seconds[stage][0] for stage in ("extract", "match", "verify", "map"))),
        pytest.approx(sum(seconds[stage][1] for stage in ("extract", "match", "verify", "map"))),
    )


def test_threads_share_the_work():
    one, two = (forecast_seconds(10, PAIRS, PROBE, threads) for threads in (1, 2))

    assert two["extract"][0] == pytest.approx(one["extract"][0] / 2)


def test_on_a_busy_machine_the_range_is_wide_and_said_to_be():
    """The least is that of a free machine, the most that of one where a second thread brings nothing."""
    free, busy = (forecast_seconds(10, PAIRS, probe, threads=2) for probe in (PROBE, BUSY))

    assert busy["extract"][0] == pytest.approx(free["extract"][0])
    assert busy["extract"][1] == pytest.approx(6 * free["extract"][1])
    assert "other work takes the cores" in describe_basis(BUSY, 2)
    assert "other work" not in describe_basis(PROBE, 2)


@pytest.mark.parametrize("photos", [2, 20, 21, 1000, 100_000])
def test_least_is_never_more_than_most(photos):
    seconds = forecast_seconds(photos, PairForecast("retrieval", photos, 20 * photos, ""), PROBE, 2)

    assert all(0 <= least <= most for least, most in seconds.values())


def test_memory_grows_with_threads_photos_and_their_size(image_file):
    small, large = [image_file("a", 640, 480)], [image_file("a", 6000, 4000)]

    assert forecast_memory_mb(small, 1600, 1) < forecast_memory_mb(small, 1600, 4)
    assert forecast_memory_mb(small, 1600, 1)[1] < forecast_memory_mb(large, 1600, 1)[1]
    assert forecast_memory_mb(large, 1600, 1)[0] < forecast_memory_mb(large, 3200, 1)[0]
    assert forecast_memory_mb(large, 1600, 1)[1] < forecast_memory_mb(large * 1000, 1600, 1)[1]


def test_the_basis_names_the_photos_and_their_times():
    told = describe_basis(PROBE, 2)

    assert "a.jpg and b.jpg" in told
    assert "1.00 s a photo" in told


def test_the_stopwatch_returns_the_answer_with_the_time():
    answer, spent = stopwatch(lambda: "done")

    assert answer == "done"
    assert 0 <= spent.least <= spent.clock
