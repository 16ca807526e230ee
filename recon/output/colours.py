"""Colours the points of a model: each gets the mean of what its observations saw."""

from __future__ import annotations

from collections.abc import Callable, Collection
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


def colour_points_of(
    model: pycolmap.Reconstruction, point_ids: Collection[int], colours_of: Callable[[str], UInt8Array | None]
) -> None:
    """Set the colour of some points of a model, by those of their observations whose colours are known.

    Args:
        colours_of: As for `colour_points`; None for an image of which they are not known.
    """
    images = {image_id: model.image(image_id).name for image_id in model.reg_image_ids()}
    seen: dict[int, list[tuple[int, int]]] = {}
    for point_id in point_ids:
        for element in model.point3D(point_id).track.elements:
            seen.setdefault(element.image_id, []).append((point_id, element.point2D_idx))
    found: dict[int, list[UInt8Array]] = {}
    for image_id, observations in seen.items():
        colours = colours_of(images[image_id])
        if colours is None:
            continue
        for point_id, row in observations:
            found.setdefault(point_id, []).append(colours[row])
    for point_id, values in found.items():
        model.point3D(point_id).color = np.rint(np.mean(values, axis=0)).astype(np.uint8)
