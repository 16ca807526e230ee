"""Further keypoints of photos that a database and a model have already: their rows follow those that are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray, IntArray
from recon.core.data import Matches
from recon.engine.database_file import open_database, sqlite_in_words
from recon.engine.two_view import VerifiedGeometry

PairOfNames = tuple[str, str]


def append_keypoints(database: Path, keypoints: Mapping[str, FloatArray]) -> None:
    """Append (N, 2) keypoints to those of each photo, by name; scale and orientation are unknown, 1 and 0.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE.
    """
    with sqlite_in_words(database), pycolmap.Database.open(database) as opened:
        for image in opened.read_all_images():
            if image.name not in keypoints or not len(keypoints[image.name]):
                continue
            known = opened.read_keypoints(image.image_id)
            further = np.zeros((len(keypoints[image.name]), known.shape[1] if len(known) else 2), np.float32)
            further[:, :2] = keypoints[image.name]
            further[:, 2:3] = 1
            together = np.vstack([known, further]) if len(known) else further
            opened.update_keypoints(image.image_id, np.ascontiguousarray(together))


def extend_geometries(database: Path, pairs: Mapping[PairOfNames, tuple[Matches, VerifiedGeometry]]) -> int:
    """Add verified matches to pairs, by name; return how many pairs gained.

    What verified before stays, so that a keypoint is in one match of a pair at most.
    """
    num_gained = 0
    with sqlite_in_words(database), pycolmap.Database.open(database) as opened:
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        for (name1, name2), (_, geometry) in pairs.items():
            image_ids = ids[name1], ids[name2]
            had = np.zeros((0, 2), np.uint32)
            if opened.exists_two_view_geometry(*image_ids):
                before = VerifiedGeometry.from_pycolmap(opened.read_two_view_geometry(*image_ids))
                had = before.inliers
            further = _unused(geometry.inliers, had)
            if not len(further):
                continue
            num_gained += 1
            inliers = np.vstack([had, further]).astype(np.uint32)
            leading = before if len(had) > len(geometry.inliers) else geometry
            if opened.exists_two_view_geometry(*image_ids):
                opened.delete_two_view_geometry(*image_ids)
            if opened.exists_matches(*image_ids):
                opened.delete_matches(*image_ids)
            opened.write_matches(*image_ids, inliers)
            joined = VerifiedGeometry(leading.config, leading.matrices, inliers)
            opened.write_two_view_geometry(*image_ids, joined.to_pycolmap())
    return num_gained


def _unused(inliers: IntArray, had: IntArray) -> IntArray:
    free = ~np.isin(inliers[:, 0], had[:, 0]) & ~np.isin(inliers[:, 1], had[:, 1])
    return inliers[free]


def extend_rows(model: pycolmap.Reconstruction, database: Path) -> list[int]:
    """Give a model's photos the keypoints that a database has beyond theirs; return the ids of those that got some."""
    extended = []
    with open_database(database) as opened:
        for image_id in sorted(model.images):
            points, keypoints = model.image(image_id).points2D, opened.read_keypoints(image_id)
            if len(points) == 0 or len(points) >= len(keypoints):
                continue
            for x, y in keypoints[len(points) :, :2].astype(np.float64):
                points.append(pycolmap.Point2D(np.array([x, y])))
            extended.append(int(image_id))
    return extended


def complete_from_model(database: Path, model: pycolmap.Reconstruction) -> None:
    """Give the photos of a database the keypoints that a model has beyond theirs, and the links that only its points
    show: a photo that joined after the database was written may have none there.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE.
    """
    further: dict[str, FloatArray] = {}
    linked: set[str] = set()
    with open_database(database) as opened:
        names = {image.image_id: image.name for image in opened.read_all_images()}
        num_known = {name: len(opened.read_keypoints(image_id)) for image_id, name in names.items()}
        pair_ids, _ = opened.read_two_view_geometry_num_inliers()
    for pair_id in pair_ids:
        linked.update(names[image_id] for image_id in pycolmap.pair_id_to_image_pair(pair_id))
    for image in model.images.values():
        known = num_known.get(image.name)
        if known is not None and known < image.num_points2D():
            further[image.name] = np.array([point.xy for point in image.points2D[known:]], np.float32).reshape(-1, 2)
    if further:
        append_keypoints(database, further)
    in_model = {model.image(image_id).name: int(image_id) for image_id in model.reg_image_ids()}
    alone = {in_model[name] for name in in_model if name in num_known and name not in linked}
    if alone:
        extend_geometries(database, _links(model, alone))


def _links(
    model: pycolmap.Reconstruction, image_ids: Collection[int]
) -> dict[PairOfNames, tuple[Matches, VerifiedGeometry]]:
    """Return the matches that the points of a model are, of these images with all others."""
    rows: dict[tuple[int, int], dict[int, int]] = {}
    for image_id in sorted(image_ids):
        for point in model.image(image_id).get_observation_points2D():
            elements = model.point3D(point.point3D_id).track.elements
            own = min(each.point2D_idx for each in elements if each.image_id == image_id)
            for other in elements:
                if other.image_id != image_id:
                    rows.setdefault((image_id, int(other.image_id)), {}).setdefault(int(own), int(other.point2D_idx))
    links = {}
    for (image_id, other_id), row_of in rows.items():
        pairs = np.array(sorted(row_of.items()), np.uint32)
        pairs = pairs[np.unique(pairs[:, 1], return_index=True)[1]]
        names = model.image(image_id).name, model.image(other_id).name
        if names[0] > names[1]:
            names, pairs = (names[1], names[0]), pairs[:, ::-1]
        inliers = np.ascontiguousarray(pairs, np.uint32)
        calibrated = int(pycolmap.TwoViewGeometryConfiguration.CALIBRATED)
        links[names] = (Matches(inliers), VerifiedGeometry(calibrated, np.zeros((3, 3, 3)), inliers))
    return links
