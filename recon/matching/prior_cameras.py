"""Whether what holds poses holds intrinsics, too."""

from __future__ import annotations

import json
from pathlib import Path

from recon.matching.gt_cameras import is_gt

_COLMAP = ("cameras.bin", "cameras.txt")
_FOCAL = {"fl_x", "camera_angle_x"}


def holds_cameras(path: Path) -> bool:
    """Return whether a file or folder of poses gives intrinsics as well; what cannot be read gives none."""
    if path.is_dir():
        folders = (path / "sparse" / "0", path / "sparse", path)
        return any((folder / name).is_file() for folder in folders for name in _COLMAP)
    if path.suffix.lower() != ".json":
        return False
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    if is_gt(document):
        return any(isinstance(entry, dict) and entry.get("K") is not None for entry in document["images"].values())
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(frames, list):
        return False
    return bool(_FOCAL & document.keys()) or any(isinstance(frame, dict) and _FOCAL & frame.keys() for frame in frames)
