"""Ground truth in JSON: `gt.json`, and nerfstudio's `transforms.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.evaluation.truth import Pose, Truth, bad_truth, is_rotation

_OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0])
"""nerfstudio's cameras look along -z, with y up."""


def read_gt(path: Path, document: Any) -> Truth:
    """Return the truth of `{"images": {file: {"R", "t", "K"}}}`.

    Raises:
        ReconError: CORRUPT_FILE.
    """
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, dict):
        raise bad_truth(path, 'no object "images" in it')
    return Truth(path, {name: _pose(path, name, entry) for name, entry in images.items()})


def read_nerfstudio(path: Path, document: dict[str, Any]) -> Truth:
    """Return the truth of a `transforms.json`: `transform_matrix` is world from camera, in OpenGL's axes.

    Format: nerfstudio's documentation, "Data conventions".

    Raises:
        ReconError: CORRUPT_FILE.
    """
    frames = document["frames"]
    if not isinstance(frames, list):
        raise bad_truth(path, '"frames" is no list')
    poses: dict[str, Pose] = {}
    for number, frame in enumerate(frames):
        if not isinstance(frame, dict) or not isinstance(frame.get("file_path"), str):
            raise bad_truth(path, f'frame {number} has no "file_path"')
        name = frame["file_path"].replace("\\", "/").removeprefix("./")
        if name in poses:
            raise bad_truth(path, f"two frames are called {name!r}")
        matrix = _numbers(path, name, frame, "transform_matrix", (4, 4))
        if not is_rotation(matrix[:3, :3]):
            raise bad_truth(path, f"the transform_matrix of image {name!r} holds no rotation")
        poses[name] = Pose.from_world(matrix[:3, :3] @ _OPENCV_FROM_OPENGL, matrix[:3, 3])
    return Truth(path, poses)


def _pose(path: Path, name: str, entry: Any) -> Pose:
    if not isinstance(entry, dict):
        raise bad_truth(path, f"image {name!r} is no object")
    rotation = _numbers(path, name, entry, "R", (3, 3))
    translation = _numbers(path, name, entry, "t", (3,))
    if not is_rotation(rotation):
        raise bad_truth(path, f"R of image {name!r} is no rotation")
    return Pose(rotation, translation)


def _numbers(path: Path, name: str, entry: dict[str, Any], key: str, shape: tuple[int, ...]) -> FloatArray:
    try:
        values = np.array(entry[key], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise bad_truth(path, f"image {name!r} has no numbers in {key!r}") from error
    if values.shape != shape or not np.isfinite(values).all():
        wanted = " x ".join(map(str, shape))
        raise bad_truth(path, f"{key!r} of image {name!r} is not {wanted} finite numbers")
    return values
