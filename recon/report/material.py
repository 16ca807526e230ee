"""What a report is made of: the models, database, manifest and log of a workspace, as far as they are there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recon.engine.database_facts import DatabaseFacts, read_database
from recon.engine.models import MODELS, read_model
from recon.report.model_arrays import ModelArrays
from recon.workspace.folder import MANIFEST
from recon.workspace.manifest import Manifest, read_manifest

_MOST_MODELS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All there is to report on."""

    out: Path
    manifest: Manifest | None
    """None for a plain model folder."""
    models: Sequence[ModelArrays]
    """Best first."""
    database: DatabaseFacts
    notes: list[str]
    """What the last run said of its choices and doubts."""
    photos: Path | None
    """The folder of the photos."""


def gather(out: Path, photos: Path | None = None) -> Material:
    """Return what a workspace, or any COLMAP model folder, has to report.

    Args:
        photos: Where the photos are now; None: where the run found them, or `images` beside the model.

    Raises:
        UsageError: There is neither a workspace nor a model.
        ReconError: CORRUPT_FILE.
    """
    if not (out / MANIFEST).is_file():
        beside = out / "images"
        return Material(
            out,
            None,
            [ModelArrays.of(read_model(out))],
            DatabaseFacts(),
            [],
            photos or (beside if beside.is_dir() else None),
        )
    manifest = read_manifest(out / MANIFEST)
    models = [ModelArrays.of(read_model(folder)) for folder in _model_folders(out, manifest)]
    database = out / "database.db"
    facts = read_database(database) if database.is_file() and "match" in manifest.stages else DatabaseFacts()
    folder = photos or (Path(manifest.photos) if manifest.photos else None)
    return Material(out, manifest, models, facts, _notes(out / "events.jsonl"), folder)


def _model_folders(out: Path, manifest: Manifest) -> list[Path]:
    number = min(int(manifest.summary.get("models") or 0), _MOST_MODELS)
    root = next((out / name for name in (MODELS, f"{MODELS}.old") if (out / name).is_dir()), out)
    return [root / str(k) for k in range(number) if (root / str(k)).is_dir()]


def _notes(log: Path) -> list[str]:
    """Return the messages since the last run began; a log that is gone or damaged has none."""
    messages: list[str] = []
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if not isinstance(event, dict):
            continue
        if event.get("event") == "RunStarted":
            messages = []
        elif event.get("event") in ("Noted", "Warned") and isinstance(event.get("message"), str):
            messages.append(event["message"])
    return messages
