"""`recon doctor` works whatever is broken, and says what mends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

STATES = {"ok", "note", "problem"}


@pytest.fixture
def doctor(tmp_path):
    """Return a function that runs `recon doctor --json` where some modules are replaced by ones that raise."""

    def run(*broken: str, text: str = "raise ImportError('broken on purpose')", **environment: str):
        fakes = tmp_path / "fakes"
        fakes.mkdir()
        for name in broken:
            (fakes / f"{name}.py").write_text(text)
        command = [sys.executable, "-m", "recon", "doctor", "--json"]
        paths = os.pathsep.join([str(fakes), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": paths, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.mark.slow
def test_here_all_is_well(doctor):
    status, told = doctor()

    assert status == 0
    assert set(told) == {"problems", "notes", "diagnoses"}
    assert told["problems"] == 0
    assert all(set(each) == {"topic", "state", "text", "mend"} for each in told["diagnoses"])
    assert {each["state"] for each in told["diagnoses"]} <= STATES
    topics = [each["topic"] for each in told["diagnoses"]]
    for topic in ("python", "recon", "opencv-python", "pycolmap", "device", "machine", "cache", "plugins", "together"):
        assert topic in topics


@pytest.mark.slow
def test_every_library_may_be_broken_at_once(doctor):
    """All but numpy, pluggy and click, without which there is no command line."""
    names = ("cv2", "pycolmap", "torch", "open3d", "PIL", "rich", "filelock", "platformdirs", "threadpoolctl", "kornia")
    status, told = doctor(*names)
    states = {each["topic"]: each["state"] for each in told["diagnoses"]}
    mends = {each["topic"]: each["mend"] for each in told["diagnoses"]}

    assert status == 1
    for package in ("opencv-python", "pycolmap", "pillow", "rich", "filelock", "platformdirs", "threadpoolctl"):
        assert states[package] == "problem", package
        assert "pip install --force-reinstall" in mends[package]
    assert (states["torch"], states["open3d"]) == ("note", "note")


@pytest.mark.slow
def test_a_run_does_without_torch_and_open3d(doctor):
    status, told = doctor("torch", "open3d")
    notes = {each["topic"] for each in told["diagnoses"] if each["state"] == "note"}

    assert status == 0
    assert {"torch", "open3d", "device"} <= notes


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_to_is_told(doctor, tmp_path):
    (tmp_path / "file").write_text("")
    status, told = doctor(XDG_CACHE_HOME=str(tmp_path / "file"))
    (cache,) = [each for each in told["diagnoses"] if each["topic"] == "cache"]

    assert status == 0
    assert cache["state"] == "note"


def test_people_get_a_line_for_each_thing(monkeypatch, capsys):
    from recon.cli import main
    from recon.doctor import examination
    from recon.doctor.diagnosis import Diagnosis, State

    found = [
        Diagnosis("python", State.OK, "fine"),
        Diagnosis("plugins", State.PROBLEM, "[red]x[/red] does not load", "pip install x"),
    ]
    monkeypatch.setattr(examination, "examine", lambda: found)
    status = main(["doctor"])
    output = capsys.readouterr().out

    assert status == 1
    assert "[red]x[/red] does not load" in output
    assert "mend: pip install x" in output
    assert "1 problem" in output


def test_a_part_that_fails_leaves_the_others(monkeypatch):
    from recon.doctor import examination
    from recon.doctor.diagnosis import State

    def fail(*arguments):
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(examination, "examine_screen", fail)
    for name in ("examine_libraries", "examine_together", "examine_devices", "examine_system_libraries"):
        monkeypatch.setattr(examination, name, lambda *arguments: [])
    told = {each.topic: each for each in examination.examine()}

    assert told["screen"].state is State.PROBLEM
    assert "ZeroDivisionError: by chance" in told["screen"].text
    assert "machine" in told
