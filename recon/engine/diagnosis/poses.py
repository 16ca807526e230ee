"""Tries to register a left-out image in the finished model, and says at which gate it fails."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.engine.diagnosis.record import MatchRecord, other_of, read_verified
from recon.engine.ladder import LADDER

MIN_POSE_INLIERS = LADDER[0].for_the_rest().min_pose_inliers
"""2D-3D correspondences that a pose must keep at the least."""
_GATES = pycolmap.IncrementalMapperOptions()
MIN_INLIER_RATIO = _GATES.abs_pose_min_inlier_ratio
_MAX_TRIALS = 1000
_CLEARLY_BETTER = 1.5
"""Times as many inliers with another focal length as with the camera's: then that is what is wrong."""
_OTHER_FOCAL = 1.15
"""And it differs by this factor at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Correspondences:
    """Keypoints of an image that are matched to points of a model."""

    points2d: FloatArray
    """(M, 2) full-size pixels, COLMAP origin."""
    points3d: FloatArray
    """(M, 3) in the model's frame."""
    camera: pycolmap.Camera
    """As the database has it, or as the model refined it where a registered image shares it."""


@dataclass(frozen=True, slots=True)
class PoseTrial:
    """What became of the attempt."""

    num_correspondences: int
    num_inliers: int
    focal_px: float
    """Of the camera that the image was given."""
    num_inliers_free: int
    """Inliers where the focal length may be any."""
    free_focal_px: float

    @property
    def inlier_ratio(self) -> float:
        """Share of the correspondences that the pose keeps, 0 to 1."""
        return self.num_inliers / self.num_correspondences if self.num_correspondences else 0.0

    @property
    def gate(self) -> str | None:
        """The first demand that is not met: correspondences, inliers, inlier ratio; None where a pose fits."""
        if self.num_correspondences < MIN_POSE_INLIERS:
            return "correspondences"
        if self.num_inliers < MIN_POSE_INLIERS:
            return "inliers"
        return "inlier ratio" if self.inlier_ratio < MIN_INLIER_RATIO else None

    @property
    def wants_other_focal_length(self) -> bool:
        """Whether a pose fits clearly better with another focal length."""
        factor = self.free_focal_px / self.focal_px if self.focal_px else 1.0
        return (
            self.num_inliers_free >= max(MIN_POSE_INLIERS, _CLEARLY_BETTER * self.num_inliers)
            and max(factor, 1 / factor) >= _OTHER_FOCAL
        )

    def as_evidence(self) -> dict[str, Any]:
        """Return the numbers as JSON."""
        return {
            "model_points": self.num_correspondences,
            "pose_inliers": self.num_inliers,
            "pose_inlier_ratio": round(self.inlier_ratio, 3),
            "gate": self.gate,
            "min_pose_inliers": MIN_POSE_INLIERS,
            "min_pose_inlier_ratio": MIN_INLIER_RATIO,
            "focal_px": round(self.focal_px, 1),
            "pose_inliers_any_focal": self.num_inliers_free,
            "fitted_focal_px": round(self.free_focal_px, 1),
        }


def correspondences(name: str, record: MatchRecord, model: pycolmap.Reconstruction) -> Correspondences:
    """Return the keypoints of an unregistered image that verified pairs match to points of the model."""
    registered = {model.image(image_id).name: model.image(image_id) for image_id in model.reg_image_ids()}
    pairs = [pair for pair in record.num_inliers if name in pair and not registered.keys().isdisjoint(pair)]
    places: dict[tuple[int, int], FloatArray] = {}
    camera = pycolmap.Camera()
    for pair, matches in read_verified(record.database, pairs).items():
        is_first = pair[0] == name
        camera = matches.camera1 if is_first else matches.camera2
        own = matches.keypoints1 if is_first else matches.keypoints2
        points2d = registered[other_of(pair, name)].points2D
        for row1, row2 in matches.rows.tolist():
            row, other = (row1, row2) if is_first else (row2, row1)
            if points2d[other].has_point3D():
                places[row, points2d[other].point3D_id] = own[row]
    for image in registered.values():
        if image.camera_id == camera.camera_id and image.camera is not None:
            camera = image.camera
            break
    return Correspondences(
        np.array(list(places.values()), np.float64).reshape(-1, 2),
        np.array([model.point3D(point_id).xyz for _, point_id in places], np.float64).reshape(-1, 3),
        camera,
    )


def try_pose(found: Correspondences) -> PoseTrial:
    """Return how far an image comes with its camera as it is, and with any focal length."""
    num_inliers, camera = _fit(found, any_focal=False)
    num_free, freed = _fit(found, any_focal=True)
    return PoseTrial(len(found.points2d), num_inliers, camera.mean_focal_length(), num_free, freed.mean_focal_length())


def _fit(found: Correspondences, any_focal: bool) -> tuple[int, pycolmap.Camera]:
    camera = copy(found.camera)
    if len(found.points2d) < 4:
        return 0, camera
    estimation = pycolmap.AbsolutePoseEstimationOptions()
    estimation.estimate_focal_length = any_focal
    estimation.ransac.max_error = _GATES.abs_pose_max_error
    estimation.ransac.min_inlier_ratio = MIN_INLIER_RATIO
    estimation.ransac.max_num_trials = _MAX_TRIALS
    estimation.ransac.random_seed = 0
    refinement = pycolmap.AbsolutePoseRefinementOptions()
    refinement.refine_focal_length = any_focal
    answer = pycolmap.estimate_and_refine_absolute_pose(found.points2d, found.points3d, camera, estimation, refinement)
    return (0 if answer is None else int(answer["num_inliers"])), camera
