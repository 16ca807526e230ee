"""Scripts run in a Python of their own, and every way to fail becomes a line."""

from __future__ import annotations

import pytest

from recon.doctor.trial import try_script


def test_the_last_line_is_the_answer():
    assert try_script("import json, sys; print('noise'); print(json.dumps(sys.argv[1:]))", "a", "b").answer == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise ImportError('libX.so: not there')", "ImportError: libX.so: not there"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import os; os.kill(os.getpid(), 4)", "this processor lacks instructions"),
        ("raise SystemExit(3)", "status 3"),
        ("print('no json')", "no json"),
        ("import time; time.sleep(60)", "did not finish"),
    ],
)
def test_every_failure_is_told(script, words):
    trial = try_script(script, seconds=60 if "sleep" not in script else 1)

    assert trial.answer is None
    assert words in (trial.failure or "")


def test_a_file_of_the_users_is_not_taken_for_a_library(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise ImportError('mine')")
    monkeypatch.chdir(tmp_path)

    assert try_script("import json; print(json.dumps(1))").answer == 1
