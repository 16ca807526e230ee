"""What a model owes to suspicious pairs: the observations that nothing else ties to its points."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from recon.core.arrays import IntArray
from recon.engine.database_file import open_database
from recon.engine.view_graph import smallest_labels


@dataclass(frozen=True, slots=True)
class Resting:
    """How much of a model falls apart without some pairs."""

    points: int
    """Points whose observations no other pairs join into one."""
    observations: int
    """Observations of those points."""
    num_points: int
    """Of the model."""
    photos: int
    """Registered photos that other pairs' matches do not tie to the largest group of the others."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `suspicious_effect`."""
        return {"points3D": self.points, "observations": self.observations, "photos": self.photos}

    def describe(self) -> str:
        """Return the same in words."""
        share = self.points / max(1, self.num_points)
        text = f"{self.points:,} of the model's {self.num_points:,} points ({share:.0%}) rest on them"
        return text if not self.photos else f"{text}, and the place of {self.photos} photos beside the others"


def resting_on(database: Path, model: pycolmap.Reconstruction, suspicious: Collection[tuple[str, str]]) -> Resting:
    """Return what of a model rests on some pairs.

    Args:
        suspicious: Names of two images each, in either order.
    """
    pairs = {frozenset(pair) for pair in suspicious}
    images = {image_id: model.image(image_id) for image_id in sorted(model.reg_image_ids())}
    points = {image_id: _point_ids(image) for image_id, image in images.items()}
    firsts = dict(zip(images, np.cumsum([0, *(len(ids) for ids in points.values())]).tolist(), strict=False))
    place = {image_id: k for k, image_id in enumerate(images)}
    joined, joined_photos = [np.zeros((0, 2), np.int64)], []
    with open_database(database) as opened:
        for pair_id, geometry in zip(*opened.read_two_view_geometries(), strict=True):
            id1, id2 = pycolmap.pair_id_to_image_pair(pair_id)
            if id1 not in images or id2 not in images or frozenset((images[id1].name, images[id2].name)) in pairs:
                continue
            rows = np.asarray(geometry.inlier_matches, np.int64).reshape(-1, 2)
            of_point1, of_point2 = points[id1][rows[:, 0]], points[id2][rows[:, 1]]
            rows = rows[(of_point1 == of_point2) & (of_point1 >= 0)]
            if len(rows):
                joined.append(np.add(rows, (firsts[id1], firsts[id2])))
                joined_photos.append((place[id1], place[id2]))
    point_of = np.concatenate([*points.values(), np.zeros(0, np.int64)])
    labels = smallest_labels(len(point_of), np.concatenate(joined))
    seen = np.flatnonzero(point_of >= 0)
    parts = np.unique(np.column_stack([point_of[seen], labels[seen]]), axis=0)
    numbers, num_parts = np.unique(parts[:, 0], return_counts=True)
    is_resting = np.isin(point_of[seen], numbers[num_parts > 1])
    photos = smallest_labels(len(images), np.array(joined_photos, np.int64).reshape(-1, 2))
    largest = int(np.bincount(photos).max()) if len(photos) else 0
    return Resting(int((num_parts > 1).sum()), int(is_resting.sum()), model.num_points3D(), len(images) - largest)


def _point_ids(image: pycolmap.Image) -> IntArray:
    """Return for each keypoint of an image the id of its point, -1 where it has none."""
    return np.array([point.point3D_id if point.has_point3D() else -1 for point in image.points2D], np.int64)
