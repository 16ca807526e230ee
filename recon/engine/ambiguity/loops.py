"""Loops of photos: around one, the relative rotations should cancel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.engine.view_graph import ViewGraph


class Rotations:
    """The relative rotations of the pairs of a view graph, estimated when they are asked for."""

    def __init__(self, database: pycolmap.Database, cache: pycolmap.DatabaseCache, graph: ViewGraph) -> None:
        self._database = database
        self._graph = graph
        self._cameras = [cache.camera(cache.image(image_id).camera_id) for image_id in graph.image_ids]
        self._known: dict[tuple[int, int], FloatArray | None] = {}

    def loop_error_deg(self, path: Sequence[int]) -> float | None:
        """Return by how much the rotations along a path of images differ from that between its ends.

        Returns:
            None where a pair has no pose.
        """
        around = np.eye(3)
        for k1, k2 in pairwise(path):
            rotation = self._cam2_from_cam1(k1, k2)
            if rotation is None:
                return None
            around = rotation @ around
        direct = self._cam2_from_cam1(path[0], path[-1])
        return None if direct is None else rotation_angle_deg(around @ direct.T)

    def knows_focal_lengths(self, path: Sequence[int]) -> bool:
        """Return whether no camera of these images has a focal length that is only guessed."""
        return all(self._cameras[k].has_prior_focal_length for k in path)

    def _cam2_from_cam1(self, k1: int, k2: int) -> FloatArray | None:
        first, second = min(k1, k2), max(k1, k2)
        if (first, second) not in self._known:
            self._known[first, second] = self._estimate(first, second)
        rotation = self._known[first, second]
        return rotation if rotation is None or k1 == first else rotation.T

    def _estimate(self, k1: int, k2: int) -> FloatArray | None:
        graph, (camera1, camera2) = self._graph, (self._cameras[k1], self._cameras[k2])
        geometry = self._database.read_two_view_geometry(graph.image_ids[k1], graph.image_ids[k2])
        own1, own2 = (graph.keypoints[graph.offsets[k] : graph.offsets[k + 1]].astype(np.float64) for k in (k1, k2))
        if not pycolmap.estimate_two_view_geometry_pose(camera1, own1, camera2, own2, geometry):
            return None
        pose = geometry.cam2_from_cam1
        return None if pose is None else np.asarray(pose.rotation.matrix())


def rotation_angle_deg(rotation: FloatArray) -> float:
    """Return the angle of a (3, 3) rotation."""
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))
