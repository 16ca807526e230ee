"""What the database knows of the images and pairs of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray, IntArray
from recon.engine.database_file import open_database

Pair = tuple[str, str]
"""The names of two images, in the order in which the database keeps their matches."""


@dataclass(frozen=True, slots=True, eq=False)
class MatchRecord:
    """How the images of a run were matched, in numbers; the matches themselves stay in the database."""

    database: Path
    num_keypoints: Mapping[str, int]
    num_matches: Mapping[Pair, int]
    """Of pairs with at least one match, before verification."""
    num_inliers: Mapping[Pair, int]
    """Of verified pairs."""
    num_compared: Mapping[str, int] | None = None
    """Images that each image was compared with; None where nobody counted."""
    keypoints_from_pairs: bool = False
    """Whether an image has keypoints only where it was matched, so that their number says nothing of the image."""

    _matched: Mapping[str, Mapping[str, int]] = field(init=False, repr=False)
    _verified: Mapping[str, Mapping[str, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_matched", _by_image(self.num_matches))
        object.__setattr__(self, "_verified", _by_image(self.num_inliers))

    def matched(self, name: str) -> Mapping[str, int]:
        """Return the images with matches to this one, with their number, most first."""
        return self._matched.get(name, {})

    def neighbours(self, name: str) -> Mapping[str, int]:
        """Return the images that a verified pair links to this one, with the number of inliers, most first."""
        return self._verified.get(name, {})

    @property
    def usual_keypoints(self) -> float:
        """Keypoints of an image, in the median."""
        return median(self.num_keypoints.values()) if self.num_keypoints else 0.0

    @property
    def usual_inliers(self) -> float:
        """Inliers of a verified pair, in the median; 0 where there is none."""
        return median(self.num_inliers.values()) if self.num_inliers else 0.0


def _by_image(counts: Mapping[Pair, int]) -> dict[str, dict[str, int]]:
    """Return the counts of pairs by either image, most first."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (name1, name2), count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        found[name1][name2] = found[name2][name1] = count
    return dict(found)


def other_of(pair: Pair, name: str) -> str:
    """Return the other image of a pair."""
    return pair[1] if pair[0] == name else pair[0]


def read_match_record(
    database: Path, compared: Iterable[Pair] | None = None, keypoints_from_pairs: bool = False
) -> MatchRecord:
    """Return what a database says about the matching of its images.

    Args:
        compared: The pairs that were matched, also those without a match.
    """
    with open_database(database) as opened:
        names = {image.image_id: image.name for image in opened.read_all_images()}
        num_keypoints = {name: int(opened.num_keypoints_for_image(image_id)) for image_id, name in names.items()}
        num_matches = _by_names(opened.read_num_matches(), names)
        num_inliers = _by_names(opened.read_two_view_geometry_num_inliers(), names)
    num_compared = None
    if compared is not None:
        num_compared = dict.fromkeys(num_keypoints, 0)
        for pair in compared:
            for name in pair:
                if name in num_compared:
                    num_compared[name] += 1
    return MatchRecord(database, num_keypoints, num_matches, num_inliers, num_compared, keypoints_from_pairs)


def _by_names(counts: tuple[Sequence[int], Sequence[int]], names: Mapping[int, str]) -> dict[Pair, int]:
    found = {}
    for pair_id, count in zip(*counts, strict=True):
        if count:
            image_id1, image_id2 = pycolmap.pair_id_to_image_pair(pair_id)
            found[names[image_id1], names[image_id2]] = int(count)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedMatches:
    """The verified matches of one pair, and everything that its geometry needs."""

    camera1: pycolmap.Camera
    camera2: pycolmap.Camera
    keypoints1: FloatArray
    """(N, 2) float64 full-size pixels, COLMAP origin."""
    keypoints2: FloatArray
    geometry: pycolmap.TwoViewGeometry

    @property
    def rows(self) -> IntArray:
        """(K, 2) keypoint rows of the matches."""
        return np.asarray(self.geometry.inlier_matches, np.int64).reshape(-1, 2)


def read_verified(database: Path, pairs: Sequence[Pair]) -> dict[Pair, VerifiedMatches]:
    """Return the verified matches of some pairs."""
    cameras: dict[int, pycolmap.Camera] = {}
    keypoints: dict[str, FloatArray] = {}
    found = {}
    with open_database(database) as opened:
        images = {image.name: image for image in opened.read_all_images()} if pairs else {}
        for pair in pairs:
            for name in pair:
                camera_id = images[name].camera_id
                if camera_id not in cameras:
                    cameras[camera_id] = opened.read_camera(camera_id)
                if name not in keypoints:
                    rows = np.asarray(opened.read_keypoints(images[name].image_id), np.float64)
                    keypoints[name] = rows[:, :2]
            image1, image2 = images[pair[0]], images[pair[1]]
            found[pair] = VerifiedMatches(
                cameras[image1.camera_id],
                cameras[image2.camera_id],
                keypoints[pair[0]],
                keypoints[pair[1]],
                opened.read_two_view_geometry(image1.image_id, image2.image_id),
            )
    return found


def names_of(model: pycolmap.Reconstruction) -> frozenset[str]:
    """Return the names of a model's registered images."""
    return frozenset(model.image(image_id).name for image_id in model.reg_image_ids())
