"""The next command is the user's own, with something changed, and can be pasted into a shell."""

from __future__ import annotations

import shlex

from recon.core.commands import RunCommand

GIVEN = RunCommand("my photos", "out", (("-o", "out"), ("--preset", "fast"), ("--single-camera", None)))


def test_a_command_is_quoted_for_the_shell():
    assert shlex.split(str(GIVEN)) == [
        *("recon", "run", "my photos", "-o", "out", "--preset", "fast", "--single-camera"),
    ]


def test_a_changed_option_stands_once_and_the_rest_stays():
    changed = GIVEN.changed({"--preset": "best"}, without=("--single-camera",))

    assert shlex.split(str(changed)) == ["recon", "run", "my photos", "-o", "out", "--preset", "best"]
    assert GIVEN.value("--preset") == "fast"


def test_of_an_option_given_twice_the_last_counts():
    assert RunCommand(options=(("--seed", "1"), ("--seed", "2"))).value("--seed") == "2"
    assert RunCommand().value("--seed") is None
