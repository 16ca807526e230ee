"""The system: shared libraries, the screen, memory."""

from __future__ import annotations

import pytest

from recon.doctor import system
from recon.doctor.diagnosis import State
from recon.doctor.trial import Trial


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Put a Vulkan driver onto the machine."""
    (tmp_path / "driver.json").write_text("{}")
    monkeypatch.setattr(system, "_VULKAN_DRIVERS", (tmp_path,))
    monkeypatch.setattr(system.sys, "platform", "linux")


def test_this_python_will_do():
    assert [each.state for each in system.examine_python()] == [State.OK]


@pytest.mark.usefixtures("driver")
def test_missing_libraries_are_named_with_their_packages(monkeypatch):
    monkeypatch.setattr(system, "try_script", lambda *script: Trial(["libGL.so.1", "libusb-1.0.so.0"], None))
    (diagnosis,) = system.examine_system_libraries()

    assert diagnosis.state is State.NOTE
    assert diagnosis.mend == "on Debian or Ubuntu: sudo apt-get install -y libgl1 libusb-1.0-0"


@pytest.mark.usefixtures("driver")
def test_nothing_missing_is_fine(monkeypatch):
    monkeypatch.setattr(system, "try_script", lambda *script: Trial([], None))

    assert [each.state for each in system.examine_system_libraries()] == [State.OK]


@pytest.mark.usefixtures("driver")
def test_a_missing_vulkan_driver_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(system, "try_script", lambda *script: Trial([], None))
    monkeypatch.setattr(system, "_VULKAN_DRIVERS", (tmp_path / "missing",))
    (diagnosis,) = system.examine_system_libraries()

    assert "mesa-vulkan-drivers" in diagnosis.mend


def test_every_file_has_a_package():
    assert set(system._FILES.values()) <= set(system.SYSTEM_PACKAGES)


def test_a_missing_screen_is_noted(monkeypatch):
    monkeypatch.setattr(system.sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    (without,) = system.examine_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    (screen,) = system.examine_screen()

    assert (without.state, screen.state) == (State.NOTE, State.OK)
    assert "--screenshot" in without.mend


def test_little_memory_is_noted(monkeypatch):
    monkeypatch.setattr(system, "total_memory_bytes", lambda: 4_000_000_000)
    monkeypatch.setattr(system, "free_memory_bytes", lambda: 500_000_000)
    (diagnosis,) = system.examine_machine()

    assert diagnosis.state is State.NOTE
    assert "0.5 GB free" in diagnosis.text
