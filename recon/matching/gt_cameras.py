"""The intrinsics in a `gt.json`: K of each image, whose pixel centres are at integers, and OpenCV's distortion."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recon.matching.given_camera import GivenCamera, bad_cameras
from recon.matching.nerfstudio_cameras import read_transforms


def read_gt_or_transforms(path: Path) -> dict[str, GivenCamera]:
    """Return the camera of each image of a JSON file, by its name there: a `gt.json`, or nerfstudio's transforms.json.

    Raises:
        UsageError: CORRUPT_FILE.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise bad_cameras(path, f"it is no JSON ({error})") from error
    return read_gt_cameras(path, document) if is_gt(document) else read_transforms(path)


def is_gt(document: Any) -> bool:
    """Whether a JSON document is one of poses and K by image, and not of nerfstudio's frames."""
    return isinstance(document, dict) and isinstance(document.get("images"), dict)


def read_gt_cameras(path: Path, document: Mapping[str, Any]) -> dict[str, GivenCamera]:
    """Return the camera of each image that has a K, by name; images with the same values share one.

    Raises:
        UsageError: CORRUPT_FILE.
    """
    entries = {name: entry for name, entry in document["images"].items() if isinstance(entry, dict)}
    return {name: _camera(path, name, entry) for name, entry in entries.items() if entry.get("K") is not None}


def _camera(path: Path, name: str, entry: Mapping[str, Any]) -> GivenCamera:
    try:
        (fx, skew, cx), (_, fy, cy), _ = ([float(value) for value in row] for row in entry["K"])
        distortion = [float(value) for value in entry.get("dist") or ()]
        size = (int(entry["width"]), int(entry["height"])) if "width" in entry and "height" in entry else None
    except (TypeError, ValueError) as error:
        raise bad_cameras(path, f"K, width, height or dist of {name} are no numbers") from error
    if not all(map(math.isfinite, (fx, fy, cx, cy, *distortion))) or len(distortion) not in (0, 4) or skew != 0:
        raise bad_cameras(path, f"K or dist of {name}: finite numbers without skew, and k1, k2, p1, p2, are read")
    model = "OPENCV" if distortion else "PINHOLE"
    params = (fx, fy, cx + 0.5, cy + 0.5, *distortion)  # COLMAP's pixel origin
    return GivenCamera(model, size, params, f"the camera {', '.join(f'{value:g}' for value in params)} of {path}")
