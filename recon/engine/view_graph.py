"""The verified matches of a database as arrays, and the tracks that they link keypoints into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray

if TYPE_CHECKING:
    import pycolmap

MIN_MATCHES = 15
"""Verified matches that link two images (pycolmap's `min_num_matches`)."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewGraph:
    """Images linked by verified matches; the keypoints of all images are stacked into one array of N rows."""

    image_ids: tuple[int, ...]
    offsets: IntArray
    """(I + 1,): the rows of image k are offsets[k] to offsets[k + 1]."""
    keypoints: FloatArray
    """(N, 2) full-size pixels, COLMAP origin."""
    scales_px: FloatArray
    """(N,) size of each keypoint's neighbourhood."""
    image_sizes: IntArray
    """(I, 2) width, height."""
    pairs: tuple[tuple[int, int], ...]
    """Positions in `image_ids` of the two images of each verified pair."""
    matches: tuple[IntArray, ...]
    """(M, 2) stacked rows of the inlier matches of each pair."""

    @property
    def num_matches(self) -> int:
        """All inlier matches of all pairs."""
        return sum(len(rows) for rows in self.matches)

    @property
    def image_of_row(self) -> IntArray:
        """(N,) position in `image_ids` of the image of each keypoint."""
        return np.repeat(np.arange(len(self.image_ids)), np.diff(self.offsets))


def read_view_graph(database: pycolmap.Database, cache: pycolmap.DatabaseCache) -> ViewGraph:
    """Return the images and verified matches of `cache`, with keypoints and scales from `database`."""
    import pycolmap

    image_ids = tuple(sorted(cache.images))
    position = {image_id: k for k, image_id in enumerate(image_ids)}
    rows = [np.asarray(database.read_keypoints(image_id), np.float32) for image_id in image_ids]
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    cameras = [cache.camera(cache.image(image_id).camera_id) for image_id in image_ids]
    graph = cache.correspondence_graph
    pairs, matches = [], []
    for pair_id in sorted(graph.image_pairs()):
        image_id1, image_id2 = pycolmap.pair_id_to_image_pair(pair_id)
        k1, k2 = position[image_id1], position[image_id2]
        indices = np.asarray(graph.extract_matches_between_images(image_id1, image_id2), np.int64)
        pairs.append((k1, k2))
        matches.append(indices + offsets[[k1, k2]])
    return ViewGraph(
        image_ids=image_ids,
        offsets=offsets,
        keypoints=np.concatenate([r[:, :2] for r in rows]) if rows else np.zeros((0, 2), np.float32),
        scales_px=np.concatenate([_scales(r) for r in rows]) if rows else np.zeros(0, np.float32),
        image_sizes=np.array([(c.width, c.height) for c in cameras], np.int64).reshape(-1, 2),
        pairs=tuple(pairs),
        matches=tuple(matches),
    )


def _scales(rows: FloatArray) -> FloatArray:
    if rows.shape[1] == 6:  # x, y and an affine shape
        return np.hypot(rows[:, 2], rows[:, 4])
    return rows[:, 2] if rows.shape[1] >= 3 else np.ones(len(rows), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Which keypoints are linked by verified matches, directly or through others."""

    labels: IntArray
    """(N,) the smallest row of the track that each keypoint belongs to; its own where it has no match."""
    lengths: IntArray
    """(N,) number of images that the keypoint's track reaches; 1 without a match."""
    consistent: npt.NDArray[np.bool_]
    """(N,) whether the track has at most one keypoint in each image."""


def link_tracks(graph: ViewGraph) -> Tracks:
    """Return the connected components of the keypoints under the verified matches."""
    num_rows = int(graph.offsets[-1])
    labels = smallest_labels(num_rows, np.concatenate([np.zeros((0, 2), np.int64), *graph.matches]))
    num_images = max(len(graph.image_ids), 1)
    num_keypoints = np.bincount(labels, minlength=num_rows)
    reached = np.unique(labels * num_images + graph.image_of_row)
    num_reached = np.bincount(reached // num_images, minlength=num_rows)
    return Tracks(
        labels=labels,
        lengths=num_reached[labels],
        consistent=(num_keypoints == num_reached)[labels],
    )


def smallest_labels(num_rows: int, links: IntArray) -> IntArray:
    """Return (N,) the smallest row of the connected component that each of N rows belongs to.

    Labels spread to the smallest row, with pointer jumping, so that a few passes over the arrays suffice.

    Args:
        links: (M, 2) rows that are linked.
    """
    labels = np.arange(num_rows)
    while len(links):
        smallest = np.minimum(labels[links[:, 0]], labels[links[:, 1]])
        spread = labels.copy()
        np.minimum.at(spread, labels[links[:, 0]], smallest)
        np.minimum.at(spread, labels[links[:, 1]], smallest)
        spread = spread[spread]
        spread = spread[spread]
        if np.array_equal(spread, labels):
            break
        labels = spread
    return labels
