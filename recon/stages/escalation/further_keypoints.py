"""Other keypoints of photos beside those that a database has: found, matched, verified, and written after them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.core.data import ImagePair, Matches
from recon.matching.extraction import Extraction
from recon.matching.features import FeatureSet, extract_features
from recon.matching.overlays import WithoutOverlays
from recon.run import Run
from recon.stages.escalation.rungs import Rung
from recon.stages.escalation.verifying import Material, match_again
from recon.stages.record import one_blas_thread

SAME_PX = 0.5
"""Keypoints of one photo that lie this close are one."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Further:
    """What a rung added to a database."""

    num_pairs: int
    """Pairs that gained verified matches."""
    colours: Mapping[str, UInt8Array]
    """(N, 3) RGB of the keypoints that follow a photo's own, by name."""


def add_further(run: Run, rung: Rung, pairs: Sequence[ImagePair], database: Path, seed: int) -> Further:
    """Add to a database the keypoints of a rung that verify in some pair, and what verifies.

    Args:
        seed: Of the verification.

    Raises:
        Interrupted: What was found by then is kept.
        ReconError: The extractor or matcher lacks a library, or its weights are damaged.
    """
    from recon.engine.appending import append_keypoints, extend_geometries
    from recon.engine.database_contents import read_keypoints

    features = _features(run, rung, {name for pair in pairs for name in (pair.name1, pair.name2)})
    pairs = [pair for pair in pairs if pair.name1 in features and pair.name2 in features]
    keys = {name: f"{key}{run.overlay_keys.get(name, '')}" for name, key in _keys(run, rung).items()}
    material = Material(features, keys, rung.matcher)
    found = {names: each for names, each in match_again(run, pairs, material, seed).items() if each[1].is_verified}
    known = read_keypoints(database)
    rows, further, colours = {}, {}, {}
    for name in sorted({name for names in found for name in names}):
        used = [geometry.inliers[:, names.index(name)] for names, (_, geometry) in found.items() if name in names]
        rows[name], added = place_rows(features[name].keypoints, known[name], np.unique(np.concatenate(used)))
        further[name] = features[name].keypoints[added]
        colours[name] = features.colours(name)[added]
    append_keypoints(database, further)
    moved = {
        names: (Matches(inliers), replace(geometry, inliers=inliers))
        for names, (_, geometry) in found.items()
        for inliers in [_in_rows(geometry.inliers, rows[names[0]], rows[names[1]])]
    }
    return Further(extend_geometries(database, moved), colours)


def _in_rows(inliers: IntArray, rows1: IntArray, rows2: IntArray) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
    return np.column_stack([rows1[inliers[:, 0]], rows2[inliers[:, 1]]]).astype(np.uint32)


def place_rows(keypoints: FloatArray, known: FloatArray, used: IntArray) -> tuple[IntArray, IntArray]:
    """Return the row in the database of each keypoint, and which of them are added after those that are known.

    Args:
        keypoints: (N, 2) that were found now.
        known: (M, 2) that are there.
        used: Rows of `keypoints` that matter; the others get -1.

    Returns:
        (N,) rows, of a known keypoint where the two are nearest to each other and one; (K,) rows of `keypoints`.
    """
    rows = np.full(len(keypoints), -1, np.int64)
    nearest, distances = _nearest(keypoints[used], known)
    order = np.argsort(distances, kind="stable")
    taken: set[int] = set()
    for k in order[distances[order] <= SAME_PX]:
        if int(nearest[k]) not in taken:
            taken.add(int(nearest[k]))
            rows[used[k]] = nearest[k]
    added = used[rows[used] < 0]
    rows[added] = len(known) + np.arange(len(added))
    return rows, added


def _nearest(points: FloatArray, others: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the nearest of the others to each point, and how far it is: (N,) rows and (N,) pixels."""
    nearest, distances = np.zeros(len(points), np.int64), np.full(len(points), np.inf)
    for start in range(0, len(points) if len(others) else 0, _BLOCK):
        block = slice(start, start + _BLOCK)
        apart = np.linalg.norm(points[block, None].astype(np.float32) - others[None].astype(np.float32), axis=2)
        nearest[block] = apart.argmin(axis=1)
        distances[block] = apart.min(axis=1)
    return nearest, distances


def _keys(run: Run, rung: Rung) -> dict[str, str]:
    return run.extracted_keys(rung.extractor, rung.max_size, map(rung.seen, run.usable))


def _features(run: Run, rung: Rung, names: set[str]) -> FeatureSet:
    images = [rung.seen(image) for image in run.usable if image.name in names]
    keys = _keys(run, rung)

    def make() -> Extraction:
        extractor, is_thread_safe = run.create(rung.extractor)
        return Extraction(extractor, rung.max_size, is_thread_safe)

    with one_blas_thread():
        outcome = extract_features(images, keys, run.store, make, **run.parallel)
    readable = [image for image in images if image.name in outcome.num_keypoints]
    return WithoutOverlays(readable, keys, run.store, make, run.overlays)
