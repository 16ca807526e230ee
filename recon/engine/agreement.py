"""Whether two models of the same photos agree: a model that comes by chance does not come twice."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pycolmap

MAX_ANGLE_DEG = 2.0
"""Between the rotations from one photo to another in the two models."""
MIN_SHARE = 0.95
"""Of the pairs of photos."""


def models_agree(first: pycolmap.Reconstruction, second: pycolmap.Reconstruction) -> bool:
    """Whether two models register the same photos, with nearly all relative rotations the same."""
    rotations1, rotations2 = _rotations(first), _rotations(second)
    if rotations1.keys() != rotations2.keys() or len(rotations1) < 2:
        return False
    angles = [
        _angle_deg(rotations1[b] * rotations1[a].inverse(), rotations2[b] * rotations2[a].inverse())
        for a, b in combinations(sorted(rotations1), 2)
    ]
    return bool(np.mean(np.array(angles) <= MAX_ANGLE_DEG) >= MIN_SHARE)


def _rotations(model: pycolmap.Reconstruction) -> dict[str, pycolmap.Rotation3d]:
    images = (model.image(image_id) for image_id in model.reg_image_ids())
    return {image.name: image.cam_from_world().rotation for image in images}


def _angle_deg(rotation1: pycolmap.Rotation3d, rotation2: pycolmap.Rotation3d) -> float:
    return float(np.degrees((rotation1.inverse() * rotation2).angle()))
