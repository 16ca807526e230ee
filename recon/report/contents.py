"""Everything that the page shows, as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recon.matching.photo_orientations import photo_orientations
from recon.output.summary import summarise
from recon.report.budget import Budget, share_out
from recon.report.findings import findings, units_sentence
from recon.report.histograms import histograms
from recon.report.material import Material
from recon.report.photos import photo_cards, photo_names
from recon.report.thumbnails import make_thumbnails
from recon.report.view import model_view

_ARBITRARY = "arbitrary"
_SOURCES = {
    "given": "as given",
    "exif_35mm": "EXIF, 35 mm equivalent",
    "exif_focal_plane": "EXIF, resolution of the sensor",
    "exif_sensor_table": "EXIF and a table of sensors",
    "default": "a guess, then refined",
}


def page_contents(material: Material, megabytes: float, threads: int) -> dict[str, Any]:
    """Return what the page shows of the material, in a page of about so many megabytes at most.

    Raises:
        UsageError: BAD_VALUE, too small a page.
    """
    names = photo_names(material)
    rows = {name: row for row, name in enumerate(names)}
    budget = share_out(megabytes, len(names), _mean_track_length(material))
    files = _files(material.photos, names)
    orientations = photo_orientations(material.photos, files) if material.photos else {}
    thumbnails = make_thumbnails(files, budget.thumbnail_px, threads)
    summary = _summary(material, len(names))
    return {
        "summary": summary,
        "units": summary.get("units") or _ARBITRARY,
        "error": _error(material),
        "photos": photo_cards(material, names, thumbnails, orientations, budget.keypoints_per_photo),
        "pairs": _pairs(material, rows, budget.pairs),
        "histograms": histograms(material),
        "findings": findings(material),
        "frame": units_sentence(material),
        "models": _models(material, rows, orientations, budget),
        "seconds": dict(summary.get("seconds", {})),
        "cameras": _cameras(material),
        "plan": _plan(material),
        "warnings": material.notes,
        "command": material.manifest.command if material.manifest else f"recon report {material.out}",
    }


def _mean_track_length(material: Material) -> float:
    if not material.models:
        return 0.0
    best = material.models[0]
    return float(best.track_lengths.mean()) if len(best.track_lengths) else 0.0


def _files(photos: Path | None, names: list[str]) -> dict[str, Path]:
    """Return the photo's file by name, where it is there; a name that leads out of the folder has none."""
    if photos is None:
        return {}
    inside = [name for name in names if "\0" not in name and not {"", ".", ".."} & set(name.split("/"))]
    files = {name: photos / name for name in inside}
    return {name: path for name, path in files.items() if path.is_file()}


def _summary(material: Material, photos: int) -> dict[str, Any]:
    if material.manifest is not None and material.manifest.summary:
        return dict(material.manifest.summary)
    numbers = summarise(material.models[0].model).as_dict() if material.models else {}
    return {"images": photos, "registered": 0, "points3D": 0, "observations": 0, "mean_track_length": 0.0,
            "mean_reprojection_error_px": 0.0, "models": len(material.models), **numbers}  # fmt: skip


def _error(material: Material) -> Mapping[str, Any] | None:
    error = material.manifest.summary.get("error") if material.manifest else None
    return error if isinstance(error, Mapping) else None


def _pairs(material: Material, rows: Mapping[str, int], most: int) -> list[tuple[int, int, int, int]]:
    """Return photo, photo, matches, inliers of the pairs with most inliers."""
    pairs = sorted(material.database.pairs, key=lambda pair: (-pair.inliers, -pair.matches))[:most]
    return [(rows[pair.name1], rows[pair.name2], pair.matches, pair.inliers) for pair in pairs if pair.matches]


def _models(
    material: Material, rows: Mapping[str, int], orientations: Mapping[str, int], budget: Budget
) -> list[dict[str, Any]]:
    total = sum(len(model.positions) for model in material.models)
    return [
        model_view(model, rows, orientations, max(1, int(budget.points * len(model.positions) / max(total, 1))))
        for model in material.models
    ]


def _cameras(material: Material) -> list[dict[str, Any]]:
    """Return the cameras as the best model has them, else as the run began with them."""
    cameras = {**material.database.cameras, **(dict(material.models[0].model.cameras) if material.models else {})}
    photos: dict[int, int] = {}
    for image in material.database.images.values():
        photos[image.camera_id] = photos.get(image.camera_id, 0) + 1
    if material.models and not photos:
        for photo in material.models[0].photos:
            photos[photo.camera_id] = photos.get(photo.camera_id, 0) + 1
    stages = material.manifest.stages if material.manifest else {}
    sources = stages["match"].facts.get("focal_sources", {}) if "match" in stages else {}
    return [
        {
            "id": camera_id,
            "photos": photos.get(camera_id, 0),
            "width": camera.width,
            "height": camera.height,
            "model": camera.model.name,
            "focal_px": camera.mean_focal_length() if len(camera.focal_length_idxs()) else None,
            "source": _SOURCES.get(str(sources.get(str(camera_id))), str(sources.get(str(camera_id)) or "unknown")),
        }
        for camera_id, camera in sorted(cameras.items())
    ]


def _plan(material: Material) -> list[tuple[str, str]]:
    """Return name and value of everything that determined the result."""
    if material.manifest is None:
        return [("model", str(material.out))]
    flat: list[tuple[str, str]] = []

    def add(prefix: str, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if isinstance(value, Mapping):
                add(f"{prefix}{name} ", value)
            elif value is not None:
                flat.append((f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)))

    add("", {"photos": material.manifest.photos, **material.manifest.plan})
    add("version of ", dict(material.manifest.versions))
    add("weights ", dict(material.manifest.weights))
    return flat
