"""recon.json: where the photos are, what was asked, and what each stage made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.workspace.atomic import write_text

FORMAT = 1
"""Raised when an older recon could no longer read the manifest."""


class State(StrEnum):
    """How the last run on a workspace went."""

    RUNNING = "running"
    """Still going on, or killed."""
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What a finished stage made."""

    key: str
    """sha256 over everything that determines the result."""

    seconds: Mapping[str, float]
    """Wall time of the run that made it: `{"match": 1.5, "verify": 0.7}`."""

    finished: str
    """UTC, ISO 8601."""

    digests: Mapping[str, str] = field(default_factory=dict)
    """sha256 of each file that the stage wrote, by its path in the workspace."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """What later stages and summaries want to know: counts, photos left out."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of recon.json."""

    recon: str
    """Version of recon that wrote it."""

    photos: str = ""
    """The photos' folder, absolute."""

    state: State = State.RUNNING
    pid: int = 0
    """The process that held the workspace last."""

    host: str = ""
    command: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of recon, Python, the libraries and the plugins in use."""

    weights: Mapping[str, str] = field(default_factory=dict)
    """sha256 of each weight file in use, by its name."""

    stages: Mapping[str, StageRecord] = field(default_factory=dict)
    added: Sequence[Mapping[str, Any]] = ()
    """Photos that `recon add` brought into the model: `{"image", "file", "digest", "registered"}`."""

    files: tuple[str, ...] = ()
    """Everything that recon may have written here, and that `--fresh` deletes."""

    summary: Mapping[str, Any] = field(default_factory=dict)
    """The JSON of the last run."""

    format: int = FORMAT

    def write(self, path: Path) -> None:
        """Write recon.json atomically."""
        write_text(path, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")


def read_manifest(path: Path) -> Manifest:
    """Return what recon.json says.

    Raises:
        UsageError: It was written by a newer recon, or is no manifest of recon at all.
    """
    elsewhere = "give another folder with -o DIR, or move this one away"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        written_format = int(fields["format"])
        if written_format <= FORMAT:
            stages = {name: StageRecord(**record) for name, record in fields.pop("stages").items()}
            state, files = State(fields.pop("state")), tuple(fields.pop("files"))
            added = tuple(fields.pop("added", ()))
            return Manifest(stages=stages, state=state, files=files, added=added, **fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is damaged, or not written by recon", code=Cause.CORRUPT_FILE, file=str(path), try_=elsewhere
        ) from error
    raise UsageError(
        f"{path} was written by a newer recon ({fields.get('recon')})",
        code=Cause.NOT_A_WORKSPACE,
        file=str(path),
        try_=f"upgrade recon, or {elsewhere}",
    )
