"""The small cache shows pycolmap the same images, linked by the skeleton's matches and nothing else."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.engine.database_file import open_database
from recon.engine.skeleton import SkeletonOptions, choose_skeleton
from recon.engine.skeleton_cache import skeleton_cache
from recon.engine.view_graph import link_tracks, read_view_graph


@pytest.fixture
def caches(synthesize):
    """Return the cache of a scene of two cameras, its view graph, a skeleton, and the skeleton's cache."""
    path, _ = synthesize(images=6, points=150, cameras=2)
    with open_database(path) as database:
        cache = pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions())
        graph = read_view_graph(database, cache)
    skeleton = choose_skeleton(graph, link_tracks(graph), SkeletonOptions(30, 15))
    return cache, graph, skeleton, skeleton_cache(cache, graph, skeleton)


def test_images_cameras_and_frames_stay(caches):
    cache, _, _, small = caches

    assert small.num_images() == cache.num_images()
    assert {i: (image.name, image.camera_id, image.frame_id) for i, image in small.images.items()} == {
        i: (image.name, image.camera_id, image.frame_id) for i, image in cache.images.items()
    }
    assert {i: camera.params.tolist() for i, camera in small.cameras.items()} == {
        i: camera.params.tolist() for i, camera in cache.cameras.items()
    }
    assert set(small.frames) == set(cache.frames)
    assert set(small.rigs) == set(cache.rigs)


def test_images_hold_the_keypoints_that_the_skeleton_uses(caches):
    _, graph, skeleton, small = caches

    for k, image_id in enumerate(graph.image_ids):
        own = slice(graph.offsets[k], graph.offsets[k + 1])
        positions = np.array([point.xy for point in small.image(image_id).points2D])
        assert np.array_equal(positions, graph.keypoints[own][skeleton.used[own]])


def test_matches_link_the_same_positions_under_their_new_numbers(caches):
    _, graph, skeleton, small = caches

    assert skeleton.num_matches < graph.num_matches
    for (k1, k2), rows in zip(graph.pairs, skeleton.matches, strict=True):
        images = [small.image(graph.image_ids[k]) for k in (k1, k2)]
        found = small.correspondence_graph.extract_matches_between_images(*(graph.image_ids[k] for k in (k1, k2)))
        positions = {
            tuple(np.concatenate([image.points2D[int(i)].xy for image, i in zip(images, pair, strict=True)]))
            for pair in found
        }
        assert positions == {tuple(graph.keypoints[pair].ravel().tolist()) for pair in rows}


def test_pairs_keep_their_geometry(caches):
    """The choice of the first pair asks how each was verified."""
    cache, graph, _, small = caches

    for k1, k2 in graph.pairs:
        ids = graph.image_ids[k1], graph.image_ids[k2]
        full, kept = (c.correspondence_graph.extract_two_view_geometry(*ids, True) for c in (cache, small))
        assert kept.config == full.config
        assert len(kept.inlier_matches) <= len(full.inlier_matches)
