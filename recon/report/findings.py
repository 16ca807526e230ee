"""What a run found out beside the model, as tables: models apart, what stopped it, pairs that mislead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recon.core.frame import frame_from_dict
from recon.report.material import Material

Finding = dict[str, Any]
"""title, note, head, rows: what the page makes a table of."""


def findings(material: Material) -> list[Finding]:
    """Return the tables that have something to say."""
    summary = material.manifest.summary if material.manifest else {}
    tables = [
        _apart(summary.get("apart") or ()),
        _best_pairs((summary.get("ladder") or {}).get("best_pairs") or ()),
        _suspicious(summary.get("suspicious_pairs") or (), summary.get("suspicious_effect")),
        _overlays(summary.get("overlays") or ()),
    ]
    return [table for table in tables if table["rows"]]


def units_sentence(material: Material) -> str:
    """Return what scale, position and orientation of the model mean."""
    frame = material.manifest.summary.get("frame") if material.manifest else None
    return frame_from_dict(frame).describe() if isinstance(frame, Mapping) else ""


def _apart(entries: Sequence[Mapping[str, Any]]) -> Finding:
    rows = [[each.get("model"), _some(each.get("images")), each.get("detail"), each.get("try")] for each in entries]
    note = "Other parts of the photos, which nothing sure enough ties to the best model."
    return _finding("Separate models", note, ["model", "photos", "why apart", "try"], rows)


def _best_pairs(entries: Sequence[Mapping[str, Any]]) -> Finding:
    shown = [name for name in entries[0] if not isinstance(entries[0][name], list | dict)] if entries else []
    rows = [[each.get(name) for name in shown] for each in entries]
    note = "The pairs a model could best have begun with, and the demand that each fell short of."
    return _finding("What stopped the best pairs", note, [name.replace("_", " ") for name in shown], rows)


def _suspicious(entries: Sequence[Mapping[str, Any]], effect: Any) -> Finding:
    rests = f" {effect['points3D']} points of the model rest on them." if isinstance(effect, Mapping) else ""
    note = "They look alike, and contradict the other photos." + rests
    shown = [name for name in entries[0] if not isinstance(entries[0][name], list | dict)] if entries else []
    rows = [[each.get(name) for name in shown] for each in entries]
    return _finding("Suspicious pairs", note, [name.replace("_", " ") for name in shown], rows)


def _overlays(entries: Sequence[Mapping[str, Any]]) -> Finding:
    rows = [[f"{each.get('width')}x{each.get('height')}", f"{100 * each.get('share', 0):.1f} %"] for each in entries]
    note = "What stands at the same pixels in all photos of one size, and was left out."
    return _finding("Overlays", note, ["photos of size", "left out"], rows)


def _finding(title: str, note: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Finding:
    return {"title": title, "note": note, "head": list(head), "rows": [[_cell(cell) for cell in row] for row in rows]}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "" if value is None else str(value)


def _some(images: Any) -> str:
    return str(len(images)) if isinstance(images, list) else _cell(images)
