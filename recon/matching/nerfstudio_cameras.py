"""The intrinsics of nerfstudio's and instant-ngp's transforms.json: for all frames, or of each.

Sources: docs.nerf.studio, "Data conventions"; both take COLMAP's principal points as they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recon.matching.given_camera import GivenCamera, bad_cameras

_FISHEYE = ("OPENCV_FISHEYE", "FISHEYE")
_PERSPECTIVE = ("OPENCV", "PERSPECTIVE", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "FULL_OPENCV")
_SPHERE = "EQUIRECTANGULAR"


def read_transforms(path: Path) -> dict[str, GivenCamera]:
    """Return the camera of each frame by its `file_path`; frames with the same values share one.

    Raises:
        UsageError: The file is damaged, lacks a focal length, or has a camera model that COLMAP lacks.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise bad_cameras(path, f"it is no JSON ({error})") from error
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(frames, list) or not frames:
        raise bad_cameras(path, "it has no list of frames")
    found = {}
    for frame in frames:
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise bad_cameras(path, "a frame has no file_path")
        found[frame["file_path"]] = _camera(path, {**document, **frame}, frame)
    return found


def _camera(path: Path, values: Mapping[str, Any], frame: Mapping[str, Any]) -> GivenCamera:
    def number(name: str, default: float | None = None) -> float:
        value = values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            what = "lacks" if value is None else f"has {value!r} as"
            raise bad_cameras(path, f"{frame['file_path']} {what} {name}")
        return float(value)

    size = (round(number("w")), round(number("h"))) if "w" in values and "h" in values else None
    own = {"fl_x", "fl_y", "cx", "cy", "k1", "camera_angle_x"} & frame.keys()
    model = str(values.get("camera_model", "OPENCV")).upper()

    def camera(name: str, *params: float) -> GivenCamera:
        # Frames of one lens share a camera, whether that is written once or in each of them.
        which = f" ({', '.join(f'{value:g}' for value in params)})" if own else ""
        return GivenCamera(name, size, params, f"the {name} camera{which} of {path}")

    if model == _SPHERE:
        return camera(_SPHERE, number("w"), number("h"))
    if model not in (*_PERSPECTIVE, *_FISHEYE):
        raise bad_cameras(path, f"camera_model {model} is none that can be read here")
    if "fl_x" in values:
        fl_x = number("fl_x")
    elif "camera_angle_x" in values:
        fl_x = number("w") / 2 / math.tan(number("camera_angle_x") / 2)
    else:
        raise bad_cameras(path, f"{frame['file_path']} has neither fl_x nor camera_angle_x")
    fl_y = number("fl_y", fl_x)
    centre = [number(name) if name in values else number(side) / 2 for name, side in (("cx", "w"), ("cy", "h"))]
    k1, k2, k3, k4, p1, p2 = (number(name, 0.0) for name in ("k1", "k2", "k3", "k4", "p1", "p2"))
    if model in _FISHEYE:
        return camera("OPENCV_FISHEYE", fl_x, fl_y, *centre, k1, k2, k3, k4)
    if k4 != 0:
        raise bad_cameras(path, f"{frame['file_path']} has a distortion k4, which COLMAP's OPENCV models lack")
    if k3 != 0:
        return camera("FULL_OPENCV", fl_x, fl_y, *centre, k1, k2, p1, p2, k3, 0.0, 0.0, 0.0)
    if any((k1, k2, p1, p2)):
        return camera("OPENCV", fl_x, fl_y, *centre, k1, k2, p1, p2)
    return camera("PINHOLE", fl_x, fl_y, *centre)
