"""The pose of one photo in a model that stays as it is: from matches to its photos, over the points they see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pycolmap

from recon.core.arrays import FloatArray, IntArray
from recon.engine.pose_covariance import pose_covariance

Rows = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class LocalisationOptions:
    """When a pose counts as found."""

    max_error_px: float = 12.0
    """Of full-size pixels, for the search (pycolmap's value for registering photos)."""
    final_error_px: float = 4.0
    """For the last refinement, and what is counted (pycolmap's value for the observations of a model)."""
    min_num_inliers: int = 20
    """As many as the most patient step of mapping asks for."""
    min_inlier_ratio: float = 0.25
    """pycolmap's value for registering photos."""
    min_inliers_for_distortion: int = 100
    """Fewer cannot tell a lens's distortion from the pose."""
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Correspondences:
    """N keypoints of a photo and the points of the model that they may show; a keypoint may stand several times."""

    rows: IntArray
    """(N,) of the photo's keypoints."""
    xy: FloatArray
    """(N, 2) float64 full-size pixels, COLMAP origin."""
    point_ids: IntArray
    """(N,) of the model's points."""
    xyz: FloatArray
    """(N, 3) float64."""

    def __len__(self) -> int:
        return len(self.rows)


def find_correspondences(
    model: pycolmap.Reconstruction, keypoints: FloatArray, rows: Mapping[str, Rows]
) -> Correspondences:
    """Return which points of the model the keypoints of a photo may show.

    Args:
        keypoints: (N, 2) of the photo.
        rows: By name of a registered photo, the (M, 2) rows of matches: in the photo, and in that one.
    """
    image_ids = {model.image(image_id).name: image_id for image_id in model.reg_image_ids()}
    found: dict[tuple[int, int], None] = {}
    for name in sorted(rows):
        points = model.image(image_ids[name]).points2D
        for own, other in rows[name].tolist():
            if points[other].has_point3D():
                found[own, points[other].point3D_id] = None
    pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
    xyz = np.array([model.point3D(point_id).xyz for point_id in pairs[:, 1].tolist()], np.float64).reshape(-1, 3)
    return Correspondences(pairs[:, 0], np.asarray(keypoints, np.float64)[pairs[:, 0]], pairs[:, 1], xyz)


@dataclass(frozen=True, slots=True, eq=False)
class PhotoPose:
    """Where a photo was taken, and how sure that is."""

    cam_from_world: pycolmap.Rigid3d
    camera: pycolmap.Camera
    inliers: npt.NDArray[np.bool_]
    """(N,) of the correspondences."""
    errors_px: FloatArray
    """(N,) reprojection error of each; infinite behind the camera."""
    covariance: FloatArray
    """(6, 6) of the rotation (radians, about the camera's axes) and the centre (model units, the model's axes)."""
    is_found: bool
    """Whether it keeps enough correspondences to be trusted."""

    @property
    def num_inliers(self) -> int:
        """How many correspondences agree with the pose."""
        return int(self.inliers.sum())


def estimate_pose(
    camera: pycolmap.Camera,
    found: Correspondences,
    options: LocalisationOptions,
    *,
    is_calibrated: bool,
    has_prior_focal_length: bool,
) -> PhotoPose | None:
    """Return the pose that most correspondences agree with, refined; None where none agrees with any.

    Args:
        camera: As far as it is known; not changed.
        is_calibrated: Keep its intrinsics.
        has_prior_focal_length: The focal length is more than a guess: it is refined, but not searched for.
    """
    if len(found) < 4:
        return None
    estimation = pycolmap.AbsolutePoseEstimationOptions()
    estimation.estimate_focal_length = not is_calibrated and not has_prior_focal_length
    estimation.ransac.max_error = options.max_error_px
    estimation.ransac.random_seed = options.seed
    camera = camera.__copy__()
    first = pycolmap.estimate_absolute_pose(found.xy, found.xyz, camera, estimation)
    if first is None or first["num_inliers"] < 4:
        return None
    pose, mask = first["cam_from_world"], np.asarray(first["inlier_mask"], bool)
    # Searching for the focal length writes it into the camera.
    for limit_px in (options.max_error_px, options.final_error_px):
        refined = _refine(pose, camera, found, mask, options, is_calibrated)
        if refined is None:
            break
        pose, camera = refined
        closer = reprojection_errors(pose, camera, found) <= limit_px
        if closer.sum() < max(4, mask.sum() // 3):
            break
        mask = closer
    errors_px = reprojection_errors(pose, camera, found)
    free = [] if is_calibrated else list(camera.focal_length_idxs())
    is_found = _num_points(found, mask) >= options.min_num_inliers and mask.mean() >= options.min_inlier_ratio
    covariance = pose_covariance(pose, camera, found.xy[mask], found.xyz[mask], free)
    return PhotoPose(pose, camera, mask, errors_px, covariance, bool(is_found))


def _num_points(found: Correspondences, mask: npt.NDArray[np.bool_]) -> int:
    """Return the inliers, a keypoint and a point counted once each."""
    return min(len(np.unique(found.rows[mask])), len(np.unique(found.point_ids[mask])))


def _refine(
    pose: pycolmap.Rigid3d,
    camera: pycolmap.Camera,
    found: Correspondences,
    mask: npt.NDArray[np.bool_],
    options: LocalisationOptions,
    is_calibrated: bool,
) -> tuple[pycolmap.Rigid3d, pycolmap.Camera] | None:
    refinement = pycolmap.AbsolutePoseRefinementOptions()
    refinement.refine_focal_length = not is_calibrated
    refinement.refine_extra_params = not is_calibrated and mask.sum() >= options.min_inliers_for_distortion
    refinement.gradient_tolerance = 1e-6
    camera = camera.__copy__()
    refined = pycolmap.refine_absolute_pose(pose, found.xy, found.xyz, mask, camera, refinement)
    return None if refined is None else (refined["cam_from_world"], camera)


def reprojection_errors(pose: pycolmap.Rigid3d, camera: pycolmap.Camera, found: Correspondences) -> FloatArray:
    """Return the (N,) reprojection errors, pixels; infinite for points behind the camera."""
    in_cam = found.xyz @ pose.rotation.matrix().T + pose.translation
    errors = np.full(len(found), np.inf)
    seen = in_cam[:, 2] > 0 if camera.model.name != "EQUIRECTANGULAR" else np.ones(len(found), bool)
    if seen.any():
        shown = np.asarray(camera.img_from_cam(np.ascontiguousarray(in_cam[seen])), np.float64).reshape(-1, 2)
        errors[seen] = np.linalg.norm(shown - found.xy[seen], axis=1)
    return np.where(np.isfinite(errors), errors, np.inf)
