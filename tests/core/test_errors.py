"""Errors carry what a user needs, and the exit status of the command."""

from __future__ import annotations

import pytest

from recon.core.errors import Cause, Interrupted, NoModel, ReconError, UsageError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ReconError("x", code=Cause.DISK_FULL), 1),
        (UsageError("x", code=Cause.USAGE), 2),
        (NoModel("x", code=Cause.NO_MATCHES), 1),
        (Interrupted("x"), 130),
        (Interrupted("x", signal_number=15), 143),
    ],
)
def test_each_error_has_its_exit_status(error, status):
    assert error.exit_status == status


def test_an_error_is_told_in_json():
    error = ReconError("cannot read it", code=Cause.UNREADABLE, file="a.jpg", try_="copy it again")

    assert error.as_dict() == {
        "code": "unreadable",
        "message": "cannot read it",
        "file": "a.jpg",
        "try": "copy it again",
    }


def test_causes_are_lower_case_words():
    """They are published: in JSON, in manifests."""
    assert all(cause.value == cause.name.lower() for cause in Cause)
