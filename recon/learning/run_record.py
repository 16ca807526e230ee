"""train.json: what a training was asked, and how it went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError

RECORD = "train.json"
FORMAT = 1
"""Raised when an older recon could no longer read the record."""


class State(StrEnum):
    """How a training stands."""

    RUNNING = "running"
    """Still going on, or killed."""
    FINISHED = "finished"
    PAUSED = "paused"
    """The time limit came; the same command goes on."""
    INTERRUPTED = "interrupted"
    FAILED = "failed"


def read_record(path: Path) -> dict[str, Any]:
    """Return what the train.json of a folder says.

    Raises:
        UsageError: CORRUPT_FILE, or NOT_A_WORKSPACE for one of a newer recon or of none.
    """
    file = path / RECORD
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if int(told["format"]) > FORMAT:
            raise UsageError(
                f"{file} was written by a newer recon ({told.get('recon')})",
                code=Cause.NOT_A_WORKSPACE,
                file=str(file),
                try_="upgrade recon, or give another folder with -o RUN",
            )
        if not isinstance(told["asked"], dict):
            raise ValueError("no settings")
        return dict(told)
    except FileNotFoundError as error:
        raise UsageError(
            f"{path} is no folder of a training: it has no {RECORD}",
            code=Cause.NOT_A_WORKSPACE,
            file=str(file),
            try_="give the folder that a `recon train` wrote to with -o",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file} is damaged, or not written by recon",
            code=Cause.CORRUPT_FILE,
            file=str(file),
            try_="give another folder with -o RUN, or move this one away",
        ) from error


def refuse_other_settings(path: Path, told: Mapping[str, Any], begun: Mapping[str, Any]) -> None:
    """Refuse to go on with a training that was asked for something else.

    Args:
        told: Its record.
        begun: The record of one that begins now.

    Raises:
        UsageError: SETTINGS_CHANGED, naming what differs.
    """
    before = {"": told.get("kind"), **_flat(told["asked"])}
    now = {"": begun["kind"], **_flat(begun["asked"])}
    changed = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    if not changed:
        return
    if "" in changed:
        what = f"it is a `recon train {before['']}`, not `{now['']}`"
    else:
        shown = [f"{name.strip('.')} was {before.get(name)!s:.40}, not {now.get(name)!s:.40}" for name in changed[:4]]
        what = "; ".join(shown) + (f"; and {len(changed) - 4} more" if len(changed) > 4 else "")
    raise UsageError(
        f"the training in {path} was begun differently: {what}",
        code=Cause.SETTINGS_CHANGED,
        file=str(path / RECORD),
        try_="give the same options to go on with it, another -o RUN, or --fresh to begin again there",
    )


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of nested dictionaries and lists by dotted name."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if parts is None:
        return {name: value}
    return {key: leaf for part, each in parts for key, leaf in _flat(each, f"{name}.{part}").items()}
