"""A pycolmap database cache that holds a skeleton only, for pycolmap's mapper to grow on."""

from __future__ import annotations

import numpy as np
import pycolmap

from recon.engine.skeleton import Skeleton
from recon.engine.view_graph import ViewGraph


def skeleton_cache(cache: pycolmap.DatabaseCache, graph: ViewGraph, skeleton: Skeleton) -> pycolmap.DatabaseCache:
    """Return a cache with the same cameras, rigs, frames and images, and the skeleton's keypoints and matches.

    Keypoints are renumbered within each image; image, camera and frame ids stay.
    """
    small = pycolmap.DatabaseCache()
    for camera in cache.cameras.values():
        small.add_camera(camera)
    for rig in cache.rigs.values():
        small.add_rig(rig)
    for frame in cache.frames.values():
        small.add_frame(frame)
    for k, image_id in enumerate(graph.image_ids):
        own = slice(graph.offsets[k], graph.offsets[k + 1])
        full = cache.image(image_id)
        image = pycolmap.Image(
            name=full.name,
            keypoints=graph.keypoints[own][skeleton.used[own]].astype(np.float64),
            camera_id=full.camera_id,
            image_id=image_id,
        )
        image.frame_id = full.frame_id
        small.add_image(image)
    rank = np.cumsum(skeleton.used) - 1
    first = np.concatenate([[0], np.cumsum(skeleton.used)])[graph.offsets[:-1]]
    for (k1, k2), rows in zip(graph.pairs, skeleton.matches, strict=True):
        image_id1, image_id2 = graph.image_ids[k1], graph.image_ids[k2]
        geometry = cache.correspondence_graph.extract_two_view_geometry(image_id1, image_id2, False)
        geometry.inlier_matches = (rank[rows] - first[[k1, k2]]).astype(np.uint32)
        small.correspondence_graph.add_two_view_geometry(image_id1, image_id2, geometry)
    small.correspondence_graph.finalize()
    return small
