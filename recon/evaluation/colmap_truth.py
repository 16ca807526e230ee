"""Ground truth as a COLMAP model: also the format of ETH3D's calibrations, and of any other reconstruction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.evaluation.truth import Pose, Truth

if TYPE_CHECKING:
    import pycolmap


def poses_of(model: pycolmap.Reconstruction) -> dict[str, Pose]:
    """Return the poses of the registered images of a model, by name."""
    poses = {}
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        pose = image.cam_from_world()
        poses[image.name] = Pose(pose.rotation.matrix(), pose.translation)
    return poses


def truth_of_model(path: Path, model: pycolmap.Reconstruction) -> Truth:
    """Return a model's poses as the truth for another.

    Args:
        path: Where the model lies, for messages.

    Raises:
        ReconError: CORRUPT_FILE, fewer than two registered images.
    """
    return Truth(path, poses_of(model))
