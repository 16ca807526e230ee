"""Matches as witnesses: pairs kept out of the mapping, tested against the model that came of the others."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.engine.database_file import open_database
from recon.engine.models import order_models

MIN_INLIERS = 15
SHARE = 0.1
"""Of the verified pairs is kept out."""
LEAST_LEFT = 3
"""Pairs that each photo of a pair keeps, so that it stays registered without that one."""
WITHIN_PX = 2.0

Map = Callable[[Path], Sequence[pycolmap.Reconstruction]]


@dataclass(frozen=True, slots=True)
class Consistency:
    """How well the pairs that were kept out agree with the model."""

    share: float
    """Of their verified matches, those within 2 px of the epipolar line (Sampson), 0 to 1."""
    pairs: int


def held_out_consistency(database: Path, map_models: Map, seed: int) -> Consistency | None:
    """Return how a model made without some pairs agrees with their matches; None where none can be kept out.

    A pair whose photos the model does not register both counts with no match that agrees.

    Args:
        map_models: Makes models of a database.
    """
    with open_database(database) as opened:
        inliers = dict(zip(*opened.read_two_view_geometry_num_inliers(), strict=True))
    kept_out = choose_pairs([pair_id for pair_id, count in inliers.items() if count >= MIN_INLIERS], seed)
    if not kept_out:
        return None
    with tempfile.TemporaryDirectory(prefix="recon-compare-") as folder:
        thinned = Path(folder) / "database.db"
        shutil.copyfile(database, thinned)
        connection = sqlite3.connect(thinned)
        with connection:
            connection.executemany("DELETE FROM two_view_geometries WHERE pair_id = ?", [(k,) for k in kept_out])
        connection.close()
        models = order_models(list(map_models(thinned)))
    agreeing = total = 0
    with open_database(database) as opened:
        names = {image.image_id: image.name for image in opened.read_all_images()}
        for pair_id in kept_out:
            id1, id2 = pycolmap.pair_id_to_image_pair(pair_id)
            matches = np.asarray(opened.read_two_view_geometry(id1, id2).inlier_matches)
            total += len(matches)
            if models:
                points1 = np.asarray(opened.read_keypoints(id1))[matches[:, 0], :2]
                points2 = np.asarray(opened.read_keypoints(id2))[matches[:, 1], :2]
                agreeing += int((_errors_px(models[0], names[id1], names[id2], points1, points2) <= WITHIN_PX).sum())
    return Consistency(agreeing / total if total else 0.0, len(kept_out))


def choose_pairs(pair_ids: Sequence[int], seed: int) -> list[int]:
    """Return the pairs to keep out: a tenth, by chance, and never one that a photo depends on."""
    left: Counter[int] = Counter()
    for pair_id in pair_ids:
        left.update(pycolmap.pair_id_to_image_pair(pair_id))
    shuffled = sorted(pair_ids)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a seed of the user's
    wanted = round(SHARE * len(pair_ids))
    chosen: list[int] = []
    for pair_id in shuffled:
        ends = pycolmap.pair_id_to_image_pair(pair_id)
        if len(chosen) < wanted and all(left[end] > LEAST_LEFT for end in ends):
            chosen.append(pair_id)
            left.subtract(ends)
    return chosen


def _errors_px(
    model: pycolmap.Reconstruction, name1: str, name2: str, points1: FloatArray, points2: FloatArray
) -> FloatArray:
    """Return the Sampson error of matches under the model's poses, in pixels; infinite where a pose is missing."""
    image1, image2 = model.find_image_with_name(name1), model.find_image_with_name(name2)
    if image1 is None or image2 is None or not (image1.has_pose and image2.has_pose):
        return np.full(len(points1), np.inf)
    camera1, camera2 = model.camera(image1.camera_id), model.camera(image2.camera_id)
    rays1, rays2 = (_on_plane(camera, points) for camera, points in ((camera1, points1), (camera2, points2)))
    relative = image2.cam_from_world() * image1.cam_from_world().inverse()
    x, y, z = relative.translation
    essential = np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)]) @ relative.rotation.matrix()
    lines2, lines1 = rays1 @ essential.T, rays2 @ essential
    squares = (lines1[:, :2] ** 2).sum(axis=1) + (lines2[:, :2] ** 2).sum(axis=1)
    errors = np.abs((rays2 * lines2).sum(axis=1)) / np.sqrt(np.maximum(squares, 1e-300))
    focal_px = (camera1.mean_focal_length() + camera2.mean_focal_length()) / 2
    in_pixels: FloatArray = np.nan_to_num(errors * focal_px, nan=np.inf)
    return in_pixels


def _on_plane(camera: pycolmap.Camera, points: FloatArray) -> FloatArray:
    """Return (N, 3) homogeneous places at depth 1."""
    seen = np.asarray(camera.cam_from_img(np.asarray(points, np.float64)), np.float64).reshape(-1, 2)
    return np.column_stack([seen, np.ones(len(seen))])
