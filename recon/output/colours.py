"""Colours the points of a model: each gets the mean of what its observations saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import UInt8Array

if TYPE_CHECKING:
    import pycolmap


def colour_points(model: pycolmap.Reconstruction, colours_of: Callable[[str], UInt8Array]) -> None:
    """Set the colour of every point of a model.

    Args:
        colours_of: Returns the (N, 3) uint8 RGB colours of an image's keypoints by its name; row k belongs to
            the image's k-th 2D point.
    """
    point_ids = np.sort(np.fromiter(model.points3D, np.uint64, model.num_points3D()))
    sums = np.zeros((len(point_ids), 3))
    counts = np.zeros(len(point_ids))
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        rows = np.asarray(image.get_observation_point2D_idxs(), np.intp)
        if not len(rows):
            continue
        seen = np.fromiter((point.point3D_id for point in image.get_observation_points2D()), np.uint64, len(rows))
        places = np.searchsorted(point_ids, seen)
        # An image may see one point twice.
        np.add.at(sums, places, colours_of(image.name)[rows])
        np.add.at(counts, places, 1)
    means = np.rint(sums / np.maximum(counts, 1)[:, None]).astype(np.uint8)
    for point_id, colour in zip(point_ids.tolist(), means, strict=True):
        model.point3D(point_id).color = colour
