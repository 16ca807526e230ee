"""How sure a model is of its cameras: standard deviations from the covariance of its bundle adjustment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.engine.rigs import has_rigs

_HALF_ANGLES = np.diag([2.0, 2.0, 2.0, 1.0, 1.0, 1.0])
"""Ceres changes a quaternion by half the angle: what comes from it counts rotations so."""


@dataclass(frozen=True, slots=True)
class CameraUncertainty:
    """One standard deviation of where a photo was taken, beside the two that hold the frame still."""

    position: float
    """Root mean square over the three axes, in the model's units; 0 for the first of the two."""
    rotation_deg: float
    """Likewise about the three axes."""


def camera_uncertainties(model: pycolmap.Reconstruction) -> dict[str, CameraUncertainty]:
    """Return how sure the poses of a model are, by image name; empty where its adjustment does not fix them, and where
    cameras are fixed to each other, which pycolmap has no covariances for.

    The keypoints count as equally exact, all errors as independent and the intrinsics as estimated along; the variance
    of a keypoint is that of the residuals. A frame and a scale have to be held still for there to be a covariance: the
    first camera is, and one coordinate of a second one.
    """
    if has_rigs(model):
        return {}
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in model.reg_image_ids():
        config.add_image(image_id)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    adjuster = pycolmap.create_default_ceres_bundle_adjuster(pycolmap.BundleAdjustmentOptions(), config, model)
    options = pycolmap.BACovarianceOptions()
    options.params = pycolmap.BACovarianceOptionsParams.POSES
    covariance = pycolmap.estimate_ba_covariance(options, model, adjuster)
    if covariance is None:
        return {}
    variance = _keypoint_variance(model)
    found = {}
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        of_pose = covariance.get_cam_cov_from_world(image_id)
        if of_pose is None:
            found[image.name] = CameraUncertainty(0.0, 0.0)
        elif of_pose.shape == (6, 6):  # one parameter of the second camera is held, and which one is not said
            of_pose = _HALF_ANGLES @ np.asarray(of_pose) @ _HALF_ANGLES
            found[image.name] = _uncertainty(image.cam_from_world(), variance * of_pose)
    return found


def _uncertainty(pose: pycolmap.Rigid3d, covariance: FloatArray) -> CameraUncertainty:
    # The adjustment changes R to exp(w) R and t to t + d, so the centre -R't moves by -R' [t]x w - R' d.
    x, y, z = pose.translation
    cross = np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)])
    turned = pose.rotation.matrix().T
    jacobian = np.hstack([-turned @ cross, -turned])
    of_center = jacobian @ covariance @ jacobian.T
    return CameraUncertainty(
        float(np.sqrt(max(np.trace(of_center), 0.0) / 3)),
        float(np.degrees(np.sqrt(max(np.trace(covariance[:3, :3]), 0.0) / 3))),
    )


def _keypoint_variance(model: pycolmap.Reconstruction) -> float:
    """Return the variance of a keypoint's coordinate, in square pixels, estimated from the residuals."""
    squares = observations = 0.0
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        seen = [point for point in image.points2D if point.has_point3D()]
        if not seen:
            continue
        in_cam = np.array([image.cam_from_world() * model.points3D[point.point3D_id].xyz for point in seen])
        found = np.asarray(model.camera(image.camera_id).img_from_cam(in_cam))
        errors = found - np.array([point.xy for point in seen])
        errors = errors[np.isfinite(errors).all(axis=1)]
        squares += float((errors**2).sum())
        observations += len(errors)
    freedom = 2 * observations - 6 * model.num_reg_images() - 3 * model.num_points3D() + 7
    return squares / max(freedom, 1.0)
