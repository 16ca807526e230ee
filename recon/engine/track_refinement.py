"""A finished model with keypoints moved by fractions of a pixel: refined, adjusted again, and filtered again.

The refiner sees each track's keypoints, cameras and poses, and moves keypoints until they agree on one place. The
model is then adjusted on them under a loss that fits its precision: where most residuals are a tenth of a pixel, a
scale of a whole one would leave the few bad ones the say over the poses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pycolmap
from threadpoolctl import threadpool_limits

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.components import MappingOptions, Refiner
from recon.core.errors import Cause, ReconError


@dataclass(frozen=True, slots=True)
class RefinementEffort:
    """How a model is adjusted on refined keypoints."""

    rounds: int = 2
    """Rounds of adjusting and filtering; each sets the loss to the precision reached by then. A third changed AUC@1
    by at most 0.1."""
    max_iterations: int = 30
    function_tolerance: float = 5e-4
    """Relative decrease of the cost below which an adjustment stops. 1e-4 instead of 1e-3 changed AUC@1 by 0.0
    (sample, lund_door) to 0.5 (temple_ring) and took 1.6 times as long."""
    precise_px: float = 0.3
    """Median residual below which a model tells its bad observations by itself: the loss is then Cauchy's at the
    median. AUC@1 of refined `xfeat` models: sample 97.7 -> 99.1, temple_ring 57.4 -> 88.8, lund_door 95.1 -> 95.7.
    Where residuals are the lens's or the shutter's (fox, 0.5 px), it does harm: 88.0 -> 85.8."""
    loss_scale_px: float = 1.0
    """Of the soft-L1 loss of the less precise models, as at the end of mapping."""
    min_loss_scale_px: float = 0.05
    """Exact keypoints have no residual at all."""
    max_error_px: float = 4.0
    """Observations further off are dropped (pycolmap's value)."""
    min_angle_deg: float = 1.5
    """Points whose rays all meet at less are dropped (pycolmap's value)."""
    min_kept: float = 0.9
    """Share of the observations below which the model is left as it was."""
    max_worse: float = 0.5
    """Share of the points that fit worse on refined keypoints, above which the model is left as it was: the others
    fit better by chance then. 0.2 in fox, the worst set."""


@dataclass(frozen=True, slots=True, eq=False)
class RefinedModel:
    """What became of a model whose tracks were refined."""

    model: pycolmap.Reconstruction
    """The refined model, or the one that was given where refining did not improve it."""
    is_refined: bool
    num_moved: int
    """Keypoints that the refiner moved."""
    median_move_px: float
    num_observations_before: int
    num_observations: int
    mean_error_before_px: float
    mean_error_px: float

    def describe(self) -> str:
        """Return a line for the user."""
        if not self.is_refined:
            return "refined keypoints fit the model no better: it stays as it was"
        return (
            f"{self.num_moved} keypoints were moved, by {self.median_move_px:.2f} px in the median: mean reprojection "
            f"error {self.mean_error_before_px:.2f} -> {self.mean_error_px:.2f} px, "
            f"{self.num_observations} of {self.num_observations_before} observations kept"
        )


def refine_tracks(
    model: pycolmap.Reconstruction,
    refiner: Refiner,
    load_image: Callable[[str], UInt8Array],
    options: MappingOptions,
    effort: RefinementEffort = RefinementEffort(),
) -> RefinedModel:
    """Return a model adjusted on keypoints that a refiner moved; `model` itself is not changed.

    Args:
        load_image: Returns (H, W, 3) the full-size RGB sensor pixels of an image by name; the refiner may call it
            several times, and from several threads.
        options: Threads, and the cameras whose intrinsics stay.

    Raises:
        ReconError: BROKEN_PLUGIN, the refiner's answer are not the keypoints that it got.
    """
    before = pycolmap.Reconstruction(model)
    before.update_point_3d_errors()
    images = [before.image(image_id) for image_id in sorted(before.reg_image_ids())]
    keypoints = {image.name: _keypoints(image) for image in images}
    poses = {image.name: image.cam_from_world() for image in images}
    cameras = {image.name: before.camera(image.camera_id) for image in images}
    with threadpool_limits(1, user_api="blas"):  # many small products, and the refiner has threads of its own
        answer = refiner.refine(keypoints, _tracks(before), cameras, poses, load_image)
    refined = {name: _checked(name, answer, xy) for name, xy in keypoints.items()}
    after = pycolmap.Reconstruction(model)
    for image in images:
        _move(after.image(image.image_id), keypoints[image.name], refined[image.name])
    moves_px = _moves(keypoints, refined)
    if len(moves_px) == 0 or after.num_points3D() == 0:
        return _better(before, before, moves_px, effort)
    _adjust(after, options, effort)
    if _share_worse(after, before) > effort.max_worse:
        return _better(before, before, moves_px, effort)
    _filter(after, effort)
    for _ in range(effort.rounds - 1):
        _adjust(after, options, effort)
        _filter(after, effort)
    after.update_point_3d_errors()
    return _better(before, after, moves_px, effort)


def _filter(model: pycolmap.Reconstruction, effort: RefinementEffort) -> None:
    observations = pycolmap.ObservationManager(model)
    observations.filter_observations_with_negative_depth()
    observations.filter_all_points3D(effort.max_error_px, effort.min_angle_deg)


def _share_worse(after: pycolmap.Reconstruction, before: pycolmap.Reconstruction) -> float:
    """Return the share of the points that fit their observations worse than they did.

    These keep their refined keypoints: giving them the old ones back lowers the reprojection error, but not that of
    the poses (AUC@1 of temple_ring 88.8 -> 87.4).
    """
    after.update_point_3d_errors()
    worse = [point.error > before.point3D(point_id).error for point_id, point in after.points3D.items()]
    return float(np.mean(worse))


def _better(
    before: pycolmap.Reconstruction, after: pycolmap.Reconstruction, moves_px: FloatArray, effort: RefinementEffort
) -> RefinedModel:
    num_before, num_after = before.compute_num_observations(), after.compute_num_observations()
    error_before, error_after = before.compute_mean_reprojection_error(), after.compute_mean_reprojection_error()
    is_refined = num_after >= effort.min_kept * num_before and error_after < error_before
    return RefinedModel(
        model=after if is_refined else before,
        is_refined=is_refined,
        num_moved=len(moves_px),
        median_move_px=float(np.median(moves_px)) if len(moves_px) else 0.0,
        num_observations_before=num_before,
        num_observations=num_after if is_refined else num_before,
        mean_error_before_px=error_before,
        mean_error_px=error_after if is_refined else error_before,
    )


def _keypoints(image: pycolmap.Image) -> FloatArray:
    """Return (N, 2) float64 of an image, read-only, as a refiner gets them."""
    xy = np.array([point.xy for point in image.points2D], np.float64).reshape(-1, 2)
    xy.setflags(write=False)
    return xy


def _tracks(model: pycolmap.Reconstruction) -> Sequence[Sequence[tuple[str, int]]]:
    names = {image_id: model.image(image_id).name for image_id in model.reg_image_ids()}
    return [
        [(names[seen.image_id], seen.point2D_idx) for seen in model.point3D(point_id).track.elements]
        for point_id in sorted(model.point3D_ids())
    ]


def _checked(name: str, answer: Mapping[str, FloatArray], given: FloatArray) -> FloatArray:
    """Return a refiner's keypoints of one image.

    Raises:
        ReconError: They are missing, of another shape, or not finite.
    """
    xy = np.asarray(answer.get(name))
    if xy.shape == given.shape and xy.dtype.kind == "f" and np.isfinite(xy).all():
        return np.asarray(xy, np.float64)
    came = "none" if name not in answer else f"shape {xy.shape} of {xy.dtype}, finite or not"
    raise ReconError(
        f"the refiner did not return the {len(given)} keypoints of {name} ({came})",
        code=Cause.BROKEN_PLUGIN,
        file=name,
        try_="tell the plugin's author: `recon.testing` checks what a refiner has to keep; --refiner none goes without",
    )


def _move(image: pycolmap.Image, given: FloatArray, refined: FloatArray) -> None:
    points = image.points2D
    for row in np.flatnonzero((refined != given).any(axis=1)).tolist():
        points[row].xy = refined[row]


def _moves(given: Mapping[str, FloatArray], refined: Mapping[str, FloatArray]) -> FloatArray:
    """Return the lengths of all moves that are not zero, pixels."""
    lengths = [np.linalg.norm(refined[name] - xy, axis=1) for name, xy in given.items()]
    every = np.concatenate([*lengths, np.zeros(0)])
    return every[every > 0]


def _adjust(model: pycolmap.Reconstruction, options: MappingOptions, effort: RefinementEffort) -> None:
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in model.reg_image_ids():
        config.add_image(image_id)
    for camera_id in options.fixed_camera_ids:
        if model.exists_camera(camera_id):
            config.set_constant_cam_intrinsics(camera_id)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    adjustment = pycolmap.BundleAdjustmentOptions()
    adjustment.print_summary = False
    # Distortion that the mapper left at zero was not to be estimated on these images.
    free = [camera for camera_id, camera in model.cameras.items() if camera_id not in options.fixed_camera_ids]
    adjustment.refine_extra_params = any(camera.params[camera.extra_params_idxs()].any() for camera in free)
    residual_px = _median_residual_px(model)
    if residual_px < effort.precise_px:
        adjustment.ceres.loss_function_type = pycolmap.LossFunctionType.CAUCHY
        adjustment.ceres.loss_function_scale = max(effort.min_loss_scale_px, residual_px)
    else:
        adjustment.ceres.loss_function_type = pycolmap.LossFunctionType.SOFT_L1
        adjustment.ceres.loss_function_scale = effort.loss_scale_px
    solver = adjustment.ceres.solver_options
    solver.num_threads = options.threads
    solver.function_tolerance = effort.function_tolerance
    solver.max_num_iterations = effort.max_iterations
    pycolmap.create_default_bundle_adjuster(adjustment, config, model).solve()


def _median_residual_px(model: pycolmap.Reconstruction) -> float:
    """Return the median over all points of their mean reprojection error."""
    model.update_point_3d_errors()
    errors = [point.error for point in model.points3D.values()]
    return float(np.median(errors)) if errors else 0.0
