"""One photo's features: an extractor speaks of the upright, resized image it saw; what is kept are sensor pixels.

The colour of each keypoint goes with them, so that a model can be coloured later without decoding the photos
again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.components import FeatureExtractor
from recon.core.data import Features, Image, ImageFile
from recon.core.errors import Cause, ReconError
from recon.matching.images import load_image, to_sensor_pixels
from recon.matching.mask_pixels import without_masked


@dataclass(frozen=True, slots=True)
class Extraction:
    """How features are made: the extractor, and the longest side in pixels that it sees."""

    extractor: FeatureExtractor
    max_size: int
    is_thread_safe: bool

    def extract(self, image: ImageFile) -> tuple[Features, UInt8Array]:
        """Return the features of a photo in sensor pixels, and the colour of each keypoint.

        Raises:
            UnreadableImage: Names the file.
        """
        seen = load_image(image, self.max_size)
        return in_sensor_pixels(self.extractor.extract(seen), seen, image)


def in_sensor_pixels(features: Features, seen: Image, image: ImageFile) -> tuple[Features, UInt8Array]:
    """Return features of the seen image in the sensor pixels of its photo, and the colour of each keypoint.

    Keypoints on masked pixels are dropped, also those of an extractor that knows no masks.

    Raises:
        ReconError: BROKEN_PLUGIN, the features are none of that image.
    """
    if features.image_size != seen.size or not np.isfinite(features.keypoints).all():
        raise ReconError(
            f"the extractor's answer for {image.name} is no set of positions in an image of {seen.size} pixels",
            code=Cause.BROKEN_PLUGIN,
            file=image.name,
            try_="tell the plugin's author: `recon.testing` checks what an extractor has to keep",
        )
    features = without_masked(features, seen.mask)
    columns, rows = features.keypoints.astype(np.intp).T if len(features) else np.zeros((2, 0), np.intp)
    colours = seen.pixels[np.clip(rows, 0, seen.size[1] - 1), np.clip(columns, 0, seen.size[0] - 1)]
    origin, x_axis, y_axis = to_sensor_pixels(np.array([[0, 0], [1, 0], [0, 1]], np.float32), seen.size, image)
    linear = np.stack([x_axis - origin, y_axis - origin], axis=1).astype(np.float64)
    scales, angles = features.scales_px, features.orientations_rad
    if scales is not None:
        scales = (scales * math.sqrt(abs(np.linalg.det(linear)))).astype(np.float32)
    if angles is not None:
        directions = linear @ np.stack([np.cos(angles), np.sin(angles)])
        angles = np.arctan2(directions[1], directions[0]).astype(np.float32)
    moved = replace(
        features,
        keypoints=to_sensor_pixels(features.keypoints, seen.size, image),
        image_size=(image.width, image.height),
        scales_px=scales,
        orientations_rad=angles,
    )
    return moved, colours
