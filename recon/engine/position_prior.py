"""Bundle adjustment of a model to its photos' measured positions, too: COLMAP's pose priors.

It bends what photos alone leave free, a long walk's slow drift, as far as the positions are sure of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.core.components import MappingOptions
from recon.core.data import Exif

_LOSS_SIGMAS = 3.0
"""Positions farther off than so many standard errors pull less and less (Cauchy)."""
_MAX_ERROR_GROWTH = 1.1
_MAX_ITERATIONS = 50
_LOSS_PX = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PriorOutcome:
    """What came of it."""

    model: pycolmap.Reconstruction
    """The adjusted model, or the one that was given."""
    is_kept: bool
    distance_m: tuple[float, float]
    """Root mean square distance of photos from their positions, seen from above, before and after."""
    error_px: tuple[float, float]
    """Mean reprojection error, before and after."""

    def describe(self) -> str:
        """Return in one sentence what happened."""
        moved = f"photos lie {self.distance_m[0]:.2f} -> {self.distance_m[1]:.2f} m from their GPS (root mean square)"
        error = f"error {self.error_px[0]:.3f} -> {self.error_px[1]:.3f} px"
        return f"{moved}, {error}" + ("" if self.is_kept else ": not kept, the photos contradict their positions")


def adjust_to_positions(
    model: pycolmap.Reconstruction,
    positions: Mapping[str, tuple[FloatArray, FloatArray]],
    options: MappingOptions,
) -> PriorOutcome:
    """Return the model adjusted to its matches and positions together; as it was where they contradict each other.

    Args:
        model: Already in the frame of the positions; it is not changed.
        positions: (3,) metres and (3,) standard errors by image name.
    """
    adjusted = model.__copy__()
    config = pycolmap.BundleAdjustmentConfig()
    priors = []
    for image_id in sorted(adjusted.reg_image_ids()):
        image = adjusted.image(image_id)
        config.add_image(image_id)
        if image.name in positions:
            priors.append(_prior(image, *positions[image.name]))
    for camera_id in sorted(options.fixed_camera_ids.intersection(adjusted.cameras)):
        config.set_constant_cam_intrinsics(camera_id)
    adjuster = pycolmap.create_pose_prior_bundle_adjuster(
        _adjustment(model, options), _prior_options(options), config, priors, adjusted
    )
    adjuster.solve()
    adjusted.update_point_3d_errors()
    before = model.__copy__()
    before.update_point_3d_errors()
    error_px = before.compute_mean_reprojection_error(), adjusted.compute_mean_reprojection_error()
    distance_m = _distance_m(model, positions), _distance_m(adjusted, positions)
    is_kept = error_px[1] <= _MAX_ERROR_GROWTH * error_px[0] and distance_m[1] <= distance_m[0]
    return PriorOutcome(adjusted if is_kept else model, is_kept, distance_m, error_px)


def _prior(image: pycolmap.Image, position: FloatArray, sigmas: FloatArray) -> pycolmap.PosePrior:
    return pycolmap.PosePrior(
        corr_data_id=image.data_id,
        position=position,
        position_covariance=np.diag(sigmas**2),
        coordinate_system=pycolmap.PosePriorCoordinateSystem.CARTESIAN,
    )


def position_prior(image: pycolmap.Image, exif: Exif) -> pycolmap.PosePrior | None:
    """Return the position that a photo tells, as COLMAP's database keeps it; None where it tells none."""
    if exif.latitude_deg is None or exif.longitude_deg is None:
        return None
    return pycolmap.PosePrior(
        corr_data_id=image.data_id,
        position=np.array([exif.latitude_deg, exif.longitude_deg, exif.altitude_m or 0.0]),
        coordinate_system=pycolmap.PosePriorCoordinateSystem.WGS84,
    )


def _adjustment(model: pycolmap.Reconstruction, options: MappingOptions) -> pycolmap.BundleAdjustmentOptions:
    adjustment = pycolmap.BundleAdjustmentOptions()
    adjustment.print_summary = False
    # Distortion that the mapper left at zero was not to be estimated on these images.
    free = [camera for camera_id, camera in model.cameras.items() if camera_id not in options.fixed_camera_ids]
    adjustment.refine_extra_params = any(camera.params[camera.extra_params_idxs()].any() for camera in free)
    adjustment.ceres.loss_function_type = pycolmap.LossFunctionType.SOFT_L1
    adjustment.ceres.loss_function_scale = _LOSS_PX
    adjustment.ceres.solver_options.max_num_iterations = _MAX_ITERATIONS
    adjustment.ceres.solver_options.num_threads = options.threads
    return adjustment


def _prior_options(options: MappingOptions) -> pycolmap.PosePriorBundleAdjustmentOptions:
    prior = pycolmap.PosePriorBundleAdjustmentOptions()
    prior.ceres.prior_position_loss_function_type = pycolmap.LossFunctionType.CAUCHY
    prior.ceres.prior_position_loss_scale = _LOSS_SIGMAS
    prior.alignment_ransac.random_seed = options.seed
    return prior


def _distance_m(model: pycolmap.Reconstruction, positions: Mapping[str, tuple[FloatArray, FloatArray]]) -> float:
    offsets = [
        image.projection_center()[:2] - positions[image.name][0][:2]
        for image in map(model.image, model.reg_image_ids())
        if image.name in positions
    ]
    return float(np.sqrt(np.mean(np.sum(np.square(offsets), axis=1)))) if offsets else 0.0
