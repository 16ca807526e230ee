"""Whether a second run with another seed comes to the same model."""

from __future__ import annotations

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray

WITHIN_DEG = 2.0


def stability(first: pycolmap.Reconstruction, second: pycolmap.Reconstruction) -> float:
    """Return the share of pairs, of photos registered by either, whose relative rotation both agree on."""
    rotations1, rotations2 = _rotations(first), _rotations(second)
    names = sorted(set(rotations1) | set(rotations2))
    both = [name for name in names if name in rotations1 and name in rotations2]
    pairs = len(names) * (len(names) - 1) / 2
    if not pairs or len(both) < 2:
        return 0.0
    stack1, stack2 = (np.array([rotations[name] for name in both]) for rotations in (rotations1, rotations2))
    # What the two models' frames differ by, seen from each photo: equal for all where they agree.
    differences = stack1.transpose(0, 2, 1) @ stack2
    agreeing = 0
    for k in range(len(both) - 1):
        chords = np.linalg.norm(differences[k + 1 :] - differences[k], axis=(1, 2)) / np.sqrt(8)
        agreeing += int((np.degrees(2 * np.arcsin(np.minimum(chords, 1.0))) <= WITHIN_DEG).sum())
    return agreeing / pairs


def _rotations(model: pycolmap.Reconstruction) -> dict[str, FloatArray]:
    """Return the (3, 3) cam_from_world rotation of each registered image, by name."""
    images = (model.image(image_id) for image_id in model.reg_image_ids())
    return {image.name: np.asarray(image.cam_from_world().rotation.matrix()) for image in images}
