"""Features as their photo is shown: matchers may look at positions, and were taught on photos held upright."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recon.core.data import Features, ImageFile
from recon.matching.orientation import MIRRORED, from_sensor_pixels, is_sideways


def as_shown(features: Features, image: ImageFile) -> Features:
    """Return features of sensor pixels in the pixels of the photo turned upright, at its full size."""
    if MIRRORED.get(image.orientation, image.orientation) == 1:
        return features
    size = (image.height, image.width) if is_sideways(image.orientation) else (image.width, image.height)
    angles = features.orientations_rad
    if angles is not None:
        origin, x_axis, y_axis = from_sensor_pixels(np.array([[0, 0], [1, 0], [0, 1]], np.float32), size, image)
        across, down = np.stack([x_axis - origin, y_axis - origin], axis=1) @ np.stack([np.cos(angles), np.sin(angles)])
        angles = np.arctan2(down, across).astype(np.float32)
    return replace(
        features,
        keypoints=from_sensor_pixels(features.keypoints, size, image),
        image_size=size,
        orientations_rad=angles,
    )
