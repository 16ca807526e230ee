"""Ground truth of Strecha's benchmark: a `photo.jpg.camera` for each photo.

Its lines: K (3 x 3), three numbers of distortion, R (3 x 3, camera to world), the camera's centre, width and height;
a point projects as K (R^T X - R^T c). Source: the readme of the dense multi-view stereo data sets (Strecha et al., *On
Benchmarking Camera Calibration and Multi-View Stereo for High Resolution Imagery*, CVPR 2008).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recon.evaluation.truth import Pose, Truth, bad_truth, is_rotation

_NUMBERS = 9 + 3 + 9 + 3
"""Without width and height, which are not needed here."""


def is_folder_of(folder: Path) -> bool:
    """Whether a folder holds `.camera` files."""
    return any(folder.glob("*.camera"))


def read(folder: Path) -> Truth:
    """Return the truth of a folder of `.camera` files.

    Raises:
        ReconError: CORRUPT_FILE, naming the file.
    """
    files = sorted(folder.glob("*.camera"))
    if not files:
        raise bad_truth(folder, "a folder without *.camera files")
    return Truth(folder, {path.name.removesuffix(".camera"): _pose(path) for path in files})


def _pose(path: Path) -> Pose:
    try:
        values = np.array(path.read_text("utf-8").split()[:_NUMBERS], np.float64)
    except ValueError as error:
        raise bad_truth(path, f"not numbers: {error}") from error
    if len(values) < _NUMBERS or not np.isfinite(values).all():
        raise bad_truth(path, f"{len(values)} numbers, where K, distortion, R and the centre are {_NUMBERS}")
    rotation, center = values[12:21].reshape(3, 3), values[21:24]
    if not is_rotation(rotation):
        raise bad_truth(path, "its lines 5 to 7 are no rotation")
    return Pose.from_world(rotation, center)
