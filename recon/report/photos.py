"""The cards of the photos: what each one gave, and whether it is in a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.engine.model_covariance import camera_uncertainties
from recon.report.material import Material
from recon.report.packing import as_shares, packed
from recon.report.thumbnails import Thumbnail
from recon.report.upright import upright_places

MOST_WITH_UNCERTAINTY = 150
"""Photos in a model whose covariance is computed: 50 take a tenth of a second, 250 four seconds."""


def photo_names(material: Material) -> list[str]:
    """Return every photo that the page speaks of, by name."""
    names = set(material.database.images)
    for model in material.models:
        names.update(model.rows)
    names.update(each["image"] for each in left_out(material))
    return sorted(names)


def left_out(material: Material) -> Sequence[Mapping[str, Any]]:
    """Return the photos that the last run left out, with cause, detail and what to try."""
    summary = material.manifest.summary if material.manifest else {}
    return list(summary.get("left_out", ()))


def photo_cards(
    material: Material,
    names: Iterable[str],
    thumbnails: Mapping[str, Thumbnail],
    orientations: Mapping[str, int],
    most_keypoints: int,
) -> list[dict[str, Any]]:
    """Return what the page says of each photo, for JSON.

    Args:
        most_keypoints: To be drawn per photo; of more, every k-th is.
    """
    why = {each["image"]: each for each in left_out(material)}
    places = _places_in_models(material)
    uncertainties = _uncertainties(material)
    cards = []
    for index, name in enumerate(names):
        number, row = places.get(name, (None, 0))
        model = None if number is None else material.models[number]
        keypoints, size = _keypoints(material, name)
        used = np.zeros(len(keypoints), bool)
        if model is not None:
            used[[k for k in model.seen_points(row)[0] if k < len(keypoints)]] = True
        drawn = np.unique(np.linspace(0, len(keypoints) - 1, min(most_keypoints, len(keypoints))).astype(int))
        thumbnail = thumbnails.get(name)
        shown = size is not None and thumbnail is not None and len(drawn) > 0
        cards.append(
            {
                "index": index,
                "name": name,
                "model": number,
                "keypoints": len(keypoints),
                "observations": int(used.sum()),
                "error_px": None if model is None else model.error_px(row),
                "uncertainty": uncertainties.get(name) if number == 0 else None,
                "left_out": _reason(why.get(name)),
                "thumbnail": thumbnail.url if thumbnail else None,
                "thumbnail_size": thumbnail.size if thumbnail else None,
                "keypoints_at": packed(
                    as_shares(upright_places(keypoints[drawn], size, orientations.get(name, 1))), "<u2"
                )
                if shown and size
                else None,
                "keypoints_shown": len(drawn) if shown else 0,
                "in_model": packed(used[drawn], "u1") if shown else "",
            }
        )
    return cards


def _reason(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return why a photo was left out, with the photos that it matches best."""
    if entry is None:
        return None
    matches = (entry.get("evidence") or {}).get("matches") or []
    shown = [[each.get("image"), each.get("matches"), each.get("inliers"), each.get("registered")] for each in matches]
    return {**{key: entry.get(key) for key in ("cause", "detail", "try")}, "matches": shown}


def _uncertainties(material: Material) -> dict[str, tuple[float, float]]:
    """Return one standard deviation of place (the model's units) and orientation (degrees) in the best model."""
    if not material.models or not 3 <= len(material.models[0].photos) <= MOST_WITH_UNCERTAINTY:
        return {}
    found = camera_uncertainties(material.models[0].model)
    return {name: (each.position, each.rotation_deg) for name, each in found.items()}


def _places_in_models(material: Material) -> dict[str, tuple[int, int]]:
    """Return the first model and the row in it of every registered photo, by name."""
    places: dict[str, tuple[int, int]] = {}
    for number, model in enumerate(material.models):
        for name, row in model.rows.items():
            places.setdefault(name, (number, row))
    return places


def _keypoints(material: Material, name: str) -> tuple[FloatArray, tuple[int, int] | None]:
    """Return (N, 2) sensor pixels and the photo's size: from the database, else from a model."""
    known = material.database.images.get(name)
    if known is not None:
        camera = material.database.cameras[known.camera_id]
        return known.keypoints, (camera.width, camera.height)
    for model in material.models:
        if name in model.rows:
            row = model.rows[name]
            return model.photos[row].keypoints, model.size(row)
    return np.zeros((0, 2)), None
