"""Why an image was left out, or why there is no model, and what to try; with the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.arrays import IntArray
from recon.core.data import LeftOut
from recon.core.errors import Cause, NoModel
from recon.engine.database_file import open_database
from recon.engine.ladder import LADDER

FEW_KEYPOINTS = 100
"""Fewer keypoints than this rarely leave 15 verified matches with another image."""
MIN_POSE_INLIERS = LADDER[0].min_pose_inliers

_MORE_FEATURES = "recon run PHOTOS --preset best, for more keypoints at a higher resolution"
_MORE_OVERLAP = "add photos that overlap it and the registered ones by two thirds"


@dataclass(frozen=True, slots=True, eq=False)
class MatchRecord:
    """What the database knows of the images and pairs of a run."""

    num_keypoints: Mapping[str, int]
    num_matches: Mapping[tuple[str, str], int]
    """Of pairs with at least one match, before verification."""
    inliers: Mapping[tuple[str, str], IntArray]
    """(K, 2) keypoint rows of each verified pair."""

    def neighbours(self, name: str) -> dict[str, int]:
        """Return the images that a verified pair links to this one, with the number of inliers."""
        return {_other(pair, name): len(rows) for pair, rows in self.inliers.items() if name in pair}


def read_match_record(database: Path) -> MatchRecord:
    """Return what a database says about the matching of its images."""
    with open_database(database) as opened:
        names = {image.image_id: image.name for image in opened.read_all_images()}
        num_keypoints = {name: int(opened.num_keypoints_for_image(image_id)) for image_id, name in names.items()}
        num_matches = {}
        for pair_id, count in zip(*opened.read_num_matches(), strict=True):
            image_id1, image_id2 = pycolmap.pair_id_to_image_pair(pair_id)
            num_matches[names[image_id1], names[image_id2]] = int(count)
        inliers = {}
        for pair_id, geometry in zip(*opened.read_two_view_geometries(), strict=True):
            if len(geometry.inlier_matches):
                image_id1, image_id2 = pycolmap.pair_id_to_image_pair(pair_id)
                inliers[names[image_id1], names[image_id2]] = np.asarray(geometry.inlier_matches)
    return MatchRecord(num_keypoints, num_matches, inliers)


def diagnose_left_out(record: MatchRecord, models: Sequence[pycolmap.Reconstruction]) -> list[LeftOut]:
    """Return the images of a database that are not in the first (best) of the models, with the cause."""
    registered = [{m.image(i).name: m.image(i) for i in m.reg_image_ids()} for m in models]
    best = registered[0] if registered else {}
    return [_diagnose(name, record, best, registered[1:]) for name in sorted(record.num_keypoints) if name not in best]


def _diagnose(
    name: str,
    record: MatchRecord,
    best: Mapping[str, pycolmap.Image],
    others: Sequence[Mapping[str, pycolmap.Image]],
) -> LeftOut:
    for k, model in enumerate(others, start=1):
        if name in model:
            return LeftOut(
                name,
                Cause.OTHER_MODEL,
                f"registered with {len(model) - 1} other photos in the separate model sparse/{k}",
                "add photos that join the two parts; or look at it: recon view OUT/sparse/" + str(k),
            )
    num_keypoints = record.num_keypoints[name]
    if num_keypoints < FEW_KEYPOINTS:
        return LeftOut(
            name,
            Cause.FEW_KEYPOINTS,
            f"{num_keypoints} keypoints; blurred, dark or without texture",
            "take the photo again; or " + _MORE_FEATURES,
        )
    matched = {_other(pair, name): n for pair, n in record.num_matches.items() if name in pair}
    if not matched:
        return LeftOut(name, Cause.NO_MATCHES, "looks like no other photo of the set", _MORE_OVERLAP)
    neighbours = record.neighbours(name)
    if not neighbours:
        closest = max(matched, key=lambda other: matched[other])
        return LeftOut(
            name,
            Cause.NO_VERIFIED_GEOMETRY,
            f"similar to {len(matched)} photos, at most {matched[closest]} matches ({closest}), "
            "but no pair fits one camera motion",
            _MORE_OVERLAP,
        )
    to_model = {other: n for other, n in neighbours.items() if other in best}
    if not to_model:
        closest = max(neighbours, key=lambda other: neighbours[other])
        return LeftOut(
            name,
            Cause.NOT_CONNECTED,
            f"verified with {len(neighbours)} photos, at most {neighbours[closest]} inliers ({closest}), "
            + ("none of them in the model" if best else "but no model came of them"),
            _MORE_OVERLAP,
        )
    num_seen = _num_points_seen(name, record, best)
    closest = max(to_model, key=lambda other: to_model[other])
    evidence = f"sees {num_seen} points of the model; closest is {closest} with {to_model[closest]} inliers"
    if num_seen < MIN_POSE_INLIERS:
        return LeftOut(name, Cause.FEW_CORRESPONDENCES, f"{evidence}; {MIN_POSE_INLIERS} are needed", _MORE_FEATURES)
    return LeftOut(name, Cause.POSE_REJECTED, f"{evidence}, but no pose fits enough of them", _MORE_FEATURES)


def _num_points_seen(name: str, record: MatchRecord, best: Mapping[str, pycolmap.Image]) -> int:
    """Return how many keypoints of an unregistered image are matched to a point of the model."""
    seen: set[int] = set()
    for (name1, name2), rows in record.inliers.items():
        if name not in (name1, name2) or _other((name1, name2), name) not in best:
            continue
        own, theirs = (rows[:, 0], rows[:, 1]) if name == name1 else (rows[:, 1], rows[:, 0])
        points2d = best[_other((name1, name2), name)].points2D
        seen.update(int(k) for k, other in zip(own, theirs, strict=True) if points2d[int(other)].has_point3D())
    return len(seen)


def _other(pair: tuple[str, str], name: str) -> str:
    return pair[1] if pair[0] == name else pair[0]


def explain_no_model(database: Path, record: MatchRecord) -> NoModel:
    """Return why no model could be begun: the gate that stopped the best pairs."""
    if max(record.num_keypoints.values(), default=0) < FEW_KEYPOINTS:
        return NoModel(
            f"no photo has {FEW_KEYPOINTS} keypoints: they are blurred, dark or without texture",
            code=Cause.FEW_KEYPOINTS,
            try_=_MORE_FEATURES,
        )
    if not record.inliers:
        pairs = len(record.num_matches)
        most = max(record.num_matches.values(), default=0)
        return NoModel(
            f"no two photos show the same place: {pairs} pairs have matches, at most {most}, and none fits one "
            "camera motion",
            code=Cause.NO_INITIAL_PAIR,
            try_="take photos that overlap by two thirds; or " + _MORE_FEATURES,
        )
    best_pairs = sorted(record.inliers, key=lambda pair: -len(record.inliers[pair]))[:5]
    angles = _median_angles(database, best_pairs)
    shown = "; ".join(
        f"{n1} - {n2}: {len(record.inliers[n1, n2])} inliers, {angles[n1, n2]:.1f} deg" for n1, n2 in best_pairs[:3]
    )
    last = LADDER[-1]
    if max(angles.values()) < last.min_angle_deg:
        return NoModel(
            f"the camera hardly moved between overlapping photos, so depth cannot be measured ({shown}; "
            f"{last.min_angle_deg:g} deg are needed)",
            code=Cause.NO_PARALLAX,
            try_="walk around the object between photos instead of turning on the spot",
        )
    if len(record.inliers[best_pairs[0]]) < last.min_num_inliers:
        return NoModel(
            f"the photos hardly overlap: the best pairs are {shown}; {last.min_num_inliers} inliers are needed",
            code=Cause.NO_INITIAL_PAIR,
            try_="take photos that overlap by two thirds; or " + _MORE_FEATURES,
        )
    return NoModel(
        f"{len(record.inliers)} pairs were verified, but no third photo fits any of them ({shown})",
        code=Cause.MODEL_TOO_SMALL,
        try_="take photos that overlap by two thirds; or " + _MORE_FEATURES,
    )


def _median_angles(database: Path, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Return the median triangulation angle, degrees, of verified pairs."""
    angles = {}
    with open_database(database) as opened:
        images = {image.name: image for image in opened.read_all_images()}
        for name1, name2 in pairs:
            image1, image2 = images[name1], images[name2]
            camera1, camera2 = opened.read_camera(image1.camera_id), opened.read_camera(image2.camera_id)
            points1 = opened.read_keypoints(image1.image_id)[:, :2].astype(np.float64)
            points2 = opened.read_keypoints(image2.image_id)[:, :2].astype(np.float64)
            geometry = opened.read_two_view_geometry(image1.image_id, image2.image_id)
            pycolmap.estimate_two_view_geometry_pose(camera1, points1, camera2, points2, geometry)
            angles[name1, name2] = float(np.degrees(max(geometry.tri_angle, 0.0)))
    return angles
