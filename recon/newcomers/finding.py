"""From the matches of one photo to its pose in a model, and what there is to say of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.newcomers.cameras import Newcomer
from recon.newcomers.comparison import Comparison
from recon.newcomers.finished_run import FinishedRun
from recon.newcomers.location import Location, Neighbour
from recon.newcomers.refusals import refused_pose

if TYPE_CHECKING:
    from recon.engine.localisation import Correspondences, PhotoPose

_MOST_NEIGHBOURS = 5


def find(photo: Path, comparison: Comparison, newcomer: Newcomer, start: float) -> Location:
    """Return where a photo that was compared with those of the model was taken.

    Args:
        start: When the command began, of `time.perf_counter`.

    Raises:
        ReconError: Too few matches, or no pose that enough of them agree with; says why.
    """
    found, pose = _estimate(comparison, newcomer)
    if pose is None or not pose.is_found:
        raise refused_pose(comparison, newcomer, found, pose)
    return _location(photo, comparison, newcomer, found, pose, time.perf_counter() - start)


def _estimate(comparison: Comparison, newcomer: Newcomer) -> tuple[Correspondences, PhotoPose | None]:
    """Return the pose by verified matches or, where none is found, by all: few a pair may be enough together."""
    from recon.engine.localisation import LocalisationOptions, estimate_pose, find_correspondences

    name = newcomer.image.name
    options = LocalisationOptions(seed=comparison.finished.run.plan.seed)
    keypoints = comparison.features[name].keypoints
    attempts = []
    for verified in (True, False):
        rows = comparison.rows(name, verified=verified)
        found = find_correspondences(comparison.finished.model, keypoints, rows)
        pose = estimate_pose(
            newcomer.camera,
            found,
            options,
            is_calibrated=newcomer.is_calibrated,
            has_prior_focal_length=newcomer.has_prior_focal_length,
        )
        attempts.append((found, pose))
        if pose is not None and pose.is_found:
            break
    return max(attempts, key=lambda attempt: (_is_found(attempt[1]), _num_inliers(attempt[1])))


def _is_found(pose: PhotoPose | None) -> bool:
    return pose is not None and pose.is_found


def _num_inliers(pose: PhotoPose | None) -> int:
    return 0 if pose is None else pose.num_inliers


def _location(
    photo: Path,
    comparison: Comparison,
    newcomer: Newcomer,
    found: Correspondences,
    pose: PhotoPose,
    seconds: float,
) -> Location:
    from recon.engine.models import frame_of

    rotation = pose.cam_from_world.rotation.matrix()
    center = -rotation.T @ pose.cam_from_world.translation
    return Location(
        photo=photo,
        cam_from_world=pose.cam_from_world,
        center=center,
        camera=pose.camera,
        camera_source=newcomer.source if newcomer.is_calibrated else f"{newcomer.source}, refined",
        correspondences=len(found),
        inliers=pose.num_inliers,
        inlier_ratio=pose.num_inliers / len(found),
        reprojection_error_px=float(pose.errors_px[pose.inliers].mean()),
        covariance=pose.covariance,
        neighbours=_neighbours(comparison.finished, found.point_ids[pose.inliers].tolist(), center, rotation[2]),
        inlier_xy=found.xy[pose.inliers],
        frame=frame_of(comparison.finished.run.workspace.path),
        seconds=seconds,
    )


def _neighbours(
    finished: FinishedRun, point_ids: Sequence[int], center: FloatArray, direction: FloatArray
) -> tuple[Neighbour, ...]:
    """Args: `direction` is where the photo looks, of length 1, in the model's frame."""
    shared: dict[int, int] = {}
    for point_id in set(point_ids):
        for image_id in {element.image_id for element in finished.model.point3D(point_id).track.elements}:
            shared[image_id] = shared.get(image_id, 0) + 1
    neighbours = []
    for image_id in sorted(shared, key=lambda each: (-shared[each], each))[:_MOST_NEIGHBOURS]:
        image = finished.model.image(image_id)
        pose = image.cam_from_world()
        cosine = float(np.clip(pose.rotation.matrix()[2] @ direction, -1, 1))
        distance = float(np.linalg.norm(image.projection_center() - center))
        neighbours.append(Neighbour(image.name, shared[image_id], distance, float(np.degrees(np.arccos(cosine)))))
    return tuple(neighbours)
