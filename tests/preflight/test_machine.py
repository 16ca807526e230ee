"""Memory: what the system says, and the container where that is less."""

from __future__ import annotations

import pytest

from recon.preflight import machine


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Return a function that sets what the system says."""

    def say(meminfo=None, limit=None, used=None):
        for name, text in (("meminfo", meminfo), ("limit", limit), ("used", used)):
            if text is not None:
                (tmp_path / name).write_text(text)
        monkeypatch.setattr(machine, "_MEMINFO", tmp_path / "meminfo")
        monkeypatch.setattr(machine, "_CGROUP_LIMITS", (tmp_path / "limit",))
        monkeypatch.setattr(machine, "_CGROUP_USED", (tmp_path / "used",))

    return say


MEMINFO = "MemTotal:       16000 kB\nMemFree:        100 kB\nMemAvailable:   8000 kB\n"


def test_the_system_is_believed(system):
    system(MEMINFO, "max", "1000")

    assert (machine.total_memory_bytes(), machine.free_memory_bytes()) == (16000 * 1024, 8000 * 1024)


def test_a_container_with_less_is_believed(system):
    system(MEMINFO, "4000000", "1000000")

    assert (machine.total_memory_bytes(), machine.free_memory_bytes()) == (4_000_000, 3_000_000)


def test_a_limit_beyond_the_memory_is_none(system):
    system(MEMINFO, "9223372036854771712", "1000000")

    assert (machine.total_memory_bytes(), machine.free_memory_bytes()) == (16000 * 1024, 8000 * 1024)


def test_where_nothing_is_said_nothing_is_known(system):
    system()

    assert (machine.total_memory_bytes(), machine.free_memory_bytes()) == (None, None)
