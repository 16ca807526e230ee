"""What a COLMAP database holds, as plain arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.engine.database_file import open_database


def read_keypoints(database: Path) -> dict[str, FloatArray]:
    """Return the (N, 2) float32 keypoints of each image by name: full-size pixels, COLMAP origin."""
    with open_database(database) as opened:
        return {
            image.name: np.ascontiguousarray(opened.read_keypoints(image.image_id)[:, :2], np.float32).reshape(-1, 2)
            for image in opened.read_all_images()
        }


def read_cameras(database: Path) -> dict[str, pycolmap.Camera]:
    """Return the camera of each image by name, as it was before mapping."""
    with open_database(database) as opened:
        cameras = {camera.camera_id: camera for camera in opened.read_all_cameras()}
        return {image.name: cameras[image.camera_id] for image in opened.read_all_images()}
