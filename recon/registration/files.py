"""The folder of a registration: the pictures and transform.json, there whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.errors import Cause, UsageError
from recon.registration.pictures import aligned_picture, checkerboard_picture, flicker_pictures, matches_picture
from recon.registration.planar import FROM_OPENCV, Float64Array, corners_of, inverse_of, normalised
from recon.registration.result import Registration
from recon.workspace import storage_errors

TRANSFORM = "transform.json"
_FLICKER_SIDE_PX = 800
_MATCHES_SIDE_PX = 900
_FLICKER_MS = 600


def check_output(folder: Path, *, force: bool) -> None:
    """Refuse a folder in which something is already, unless `force`; refuse a file in its place always.

    Raises:
        UsageError: NOT_WRITABLE.
    """
    is_taken = folder.is_dir() and any(folder.iterdir())
    if (folder.exists() and not folder.is_dir()) or (is_taken and not force):
        raise UsageError(
            f"{folder} is {'there already, and not empty' if is_taken else 'a file, and a folder is needed'}",
            code=Cause.NOT_WRITABLE,
            file=str(folder),
            try_="choose another folder with -o DIR" + (", or replace what it holds with --force" if is_taken else ""),
        )


def write_registration(
    folder: Path, found: Registration, pixels1: UInt8Array, pixels2: UInt8Array, about: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the pictures and transform.json into a folder, and return what the JSON says.

    Everything is made beside the folder and then moved into it, transform.json last; other files there stay.

    Args:
        found: In the pixels of the full photos.
        pixels1: (H1, W1, 3) the full photo, upright.
        about: Further entries of the JSON: files, seed, versions.

    Raises:
        ReconError: DISK_FULL.
        UsageError: NOT_WRITABLE.
    """
    from PIL import Image as Picture

    summary = {**about, **as_dict(found)}
    aligned = aligned_picture(pixels1, found.matrix, found.size2)
    first, second = flicker_pictures(aligned, pixels2, _FLICKER_SIDE_PX)
    matches = matches_picture(pixels1, pixels2, found.xy1, found.xy2, found.is_inlier, _MATCHES_SIDE_PX)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".align-") as name:
            made = Path(name)
            Picture.fromarray(aligned).save(made / "aligned.png")
            Picture.fromarray(checkerboard_picture(aligned, pixels2)).save(made / "checkerboard.png")
            Picture.fromarray(matches).save(made / "matches.png")
            frames = [Picture.fromarray(frame) for frame in (first, second)]
            frames[0].save(made / "flicker.gif", save_all=True, append_images=frames[1:], duration=_FLICKER_MS, loop=0)
            (made / TRANSFORM).write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")
            (folder / TRANSFORM).unlink(missing_ok=True)  # it vouches for the pictures beside it
            for path in sorted(made.iterdir(), key=lambda path: path.name == TRANSFORM):
                path.replace(folder / path.name)
    return summary


def as_dict(found: Registration) -> dict[str, Any]:
    """Return a registration as one JSON object."""
    fundamental = found.fundamental
    return {
        "model": str(found.model),
        "pixels": "upright (EXIF orientation applied), full size, the centre of the top-left pixel at (0.5, 0.5)",
        "matrix": _rounded(found.matrix),
        "matrix_maps": "image 1 to image 2: (x2, y2, 1) ~ matrix (x1, y1, 1)"
        + ("" if fundamental is None else "; of the plane that most matches lie on, and of nothing else"),
        "matrix_opencv": _rounded(normalised(inverse_of(FROM_OPENCV) @ found.matrix @ FROM_OPENCV)),
        "fundamental": None if fundamental is None else _rounded(fundamental),
        "covariance": {
            "of": ["h11", "h12", "h13", "h21", "h22", "h23", "h31", "h32"],
            "matrix": _rounded(found.matrix_covariance()),
        },
        "corners": _corners(found),
        "matches": len(found.xy1),
        "inliers": found.num_inliers,
        "rms_px": round(found.rms_px, 4),
        "criterion": {
            "name": "GRIC (Torr 1998), the least is best",
            "keypoint_noise_px": round(found.noise_px, 4),
            "candidates": {
                str(model): {
                    "gric": round(each.gric, 2),
                    "inliers": each.inliers,
                    "rms_px": round(each.rms_px, 4),
                    "log10_false_alarms": round(each.log10_false_alarms, 1),
                }
                for model, each in found.candidates.items()
            },
        },
        "refinement": [
            {
                "scale": round(step.scale, 4),
                "iterations": step.iterations,
                "moved_px": round(step.moved_px, 4),
                "alike": round(step.alike, 5),
            }
            for step in found.steps
        ],
        "correlation": {
            "unaligned": round(found.likeness.unaligned, 5),
            "matched": round(found.likeness.matched, 5),
            "refined": round(found.likeness.refined, 5),
        },
        "warnings": list(found.warnings),
    }


def _corners(found: Registration) -> list[dict[str, Any]]:
    places, covariances = found.corners(), found.corner_covariances()
    return [
        {
            "image1": corner.tolist(),
            "image2": _rounded(place),
            "covariance_px2": _rounded(covariance),
            "std_px": _rounded(np.sqrt(np.diag(covariance))),
        }
        for corner, place, covariance in zip(corners_of(found.size1), places, covariances, strict=True)
    ]


def _rounded(values: Float64Array) -> Any:
    """Return numbers as lists, 12 digits of each; null for what is not finite, which JSON cannot say."""
    if values.ndim:
        return [_rounded(row) for row in values]
    return float(f"{float(values):.12g}") if np.isfinite(values) else None
