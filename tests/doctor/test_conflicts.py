"""Libraries that each load alone, and get on badly."""

from __future__ import annotations

import pytest

from recon.doctor import conflicts
from recon.doctor.diagnosis import State
from recon.doctor.trial import Trial


@pytest.fixture
def answer(monkeypatch):
    """Return a function that says what every script answers."""

    def say(value: object = None, failure: str | None = None) -> None:
        monkeypatch.setattr(conflicts, "try_script", lambda *script, **options: Trial(value, failure))

    return say


@pytest.fixture
def nvidia(tmp_path, monkeypatch):
    """Return a function that puts an NVIDIA GPU into the machine, or takes it out."""

    def put(there: bool) -> None:
        monkeypatch.setattr(conflicts, "_NVIDIA", (tmp_path if there else tmp_path / "missing",))

    return put


def test_two_opencvs_are_a_conflict(monkeypatch):
    monkeypatch.setattr(conflicts, "installed_version", lambda name: "5.0" if "contrib" not in name else None)
    (diagnosis,) = conflicts.examine_opencv()

    assert diagnosis.state is State.NOTE
    assert "opencv-python and opencv-python-headless" in diagnosis.text
    assert diagnosis.mend.startswith("pip uninstall -y opencv-python opencv-python-headless && pip install")


@pytest.mark.parametrize("name", ["opencv-python", "opencv-python-headless"])
def test_one_opencv_is_fine(monkeypatch, name):
    monkeypatch.setattr(conflicts, "installed_version", lambda asked: "5.0" if asked == name else None)

    assert conflicts.examine_opencv() == []


def test_two_kinds_of_openmp_are_noted_and_two_copies_of_one_are_not(answer):
    answer(["/a/libgomp.so.1", "/b/libgomp-e985.so.1.0.0"])
    same, _ = conflicts.examine_together({"numpy", "cv2", "torch"})
    answer(["/a/libgomp.so.1", "/b/libiomp5.so"])
    mixed, _ = conflicts.examine_together({"numpy", "cv2", "torch"})

    assert same.state is State.OK
    assert mixed.state is State.NOTE
    assert "libgomp, libiomp5" in mixed.text


def test_libraries_that_do_not_load_together_are_a_problem(answer):
    answer(failure="it was killed by SIGSEGV")
    (diagnosis,) = conflicts.examine_together({"numpy", "cv2", "torch"})

    assert diagnosis.state is State.PROBLEM
    assert "SIGSEGV" in diagnosis.text


def test_libraries_that_do_not_load_alone_are_not_tried_together(answer):
    answer(failure="must not be asked")

    assert conflicts.examine_together({"numpy", "cv2"}) == []


@pytest.mark.parametrize(
    ("gpu", "torch", "state", "words"),
    [
        (False, {"cuda": None, "usable": False}, State.OK, "takes the CPU"),
        (False, {"cuda": "13.0", "usable": False}, State.NOTE, "build for CUDA 13.0"),
        (True, {"cuda": None, "usable": False}, State.NOTE, "a build for the CPU"),
        (True, {"cuda": "13.0", "usable": False}, State.NOTE, "cannot use it"),
        (True, {"cuda": "13.0", "usable": True}, State.OK, "takes cuda: A GPU"),
    ],
)
def test_the_device_is_told_and_what_hinders_it(answer, nvidia, gpu, torch, state, words):
    nvidia(gpu)
    answer({**torch, "mps": False, "names": ["A GPU"] if torch["usable"] else []})
    (diagnosis,) = conflicts.examine_devices({"torch"})

    assert diagnosis.state is state
    assert words in diagnosis.text
    assert (diagnosis.mend is None) is (state is State.OK)


def test_without_torch_the_cpu_is_taken(nvidia):
    nvidia(False)
    (diagnosis,) = conflicts.examine_devices(set())

    assert diagnosis.state is State.NOTE
    assert "CPU" in diagnosis.text
