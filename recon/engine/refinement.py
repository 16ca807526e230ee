"""How hard pycolmap's bundle adjustment works, while a model grows and at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pycolmap

from recon.core.components import MappingOptions
from recon.engine.ladder import Step


@dataclass(frozen=True, slots=True)
class GrowthEffort:
    """Bundle adjustment while photos are being added; the end of the run makes up for what is left."""

    global_growth_ratio: float = 1.3
    """All of the model is adjusted each time it has grown by this factor (pycolmap: 1.1)."""
    function_tolerance: float = 1e-4
    """Relative decrease of the cost below which an adjustment stops (pycolmap: 0, never)."""
    local_rounds: int = 1
    """Adjust-and-filter rounds around each new photo (pycolmap: 2)."""
    global_rounds: int = 2
    """Adjust-and-filter rounds over all of the model (pycolmap: 5)."""


MAX_ERROR_PX = 4.0
"""Reprojection error above which an observation is dropped (pycolmap's `filter_max_reproj_error`)."""
MULTI_THREADING_RESIDUALS = 20_000
"""Residuals from which an adjustment is worth several threads (pycolmap: 50,000)."""


def pipeline_options(options: MappingOptions, effort: GrowthEffort) -> pycolmap.IncrementalPipelineOptions:
    """Return pycolmap's options for a run; its mapper, triangulator and adjusters are made from these."""
    pipeline = pycolmap.IncrementalPipelineOptions()
    pipeline.num_threads = options.threads
    pipeline.random_seed = options.seed
    pipeline.extract_colors = False
    pipeline.constant_cameras = set(options.fixed_camera_ids)
    pipeline.ba_global_frames_ratio = effort.global_growth_ratio
    pipeline.ba_global_points_ratio = effort.global_growth_ratio
    pipeline.ba_local_function_tolerance = effort.function_tolerance
    pipeline.ba_global_function_tolerance = effort.function_tolerance
    pipeline.ba_local_max_refinements = effort.local_rounds
    pipeline.ba_global_max_refinements = effort.global_rounds
    pipeline.ba_min_num_residuals_for_cpu_multi_threading = MULTI_THREADING_RESIDUALS
    return pipeline


def mapper_options(pipeline: pycolmap.IncrementalPipelineOptions, step: Step) -> pycolmap.IncrementalMapperOptions:
    """Return the mapper's options with the gates of one step of the ladder."""
    mapper = pipeline.get_mapper()
    mapper.init_min_num_inliers = step.min_num_inliers
    mapper.init_min_tri_angle = step.min_angle_deg
    mapper.init_max_forward_motion = step.max_forward_motion
    mapper.abs_pose_min_num_inliers = step.min_pose_inliers
    mapper.abs_pose_refine_extra_params = step.refines_distortion
    return mapper


def triangulation_options(
    pipeline: pycolmap.IncrementalPipelineOptions, step: Step
) -> pycolmap.IncrementalTriangulatorOptions:
    """Return the triangulator's options for one step of the ladder."""
    triangulation = pipeline.get_triangulation()
    triangulation.ignore_two_view_tracks = not step.two_view_tracks
    return triangulation


@dataclass(frozen=True, slots=True)
class FinalEffort:
    """Bundle adjustment over all matches, once the poses are known."""

    max_rounds: int = 2
    """Rounds of adjusting, completing and filtering. On lund_door, temple_ring and fox the third to fifth
    (pycolmap's number) changed AUC@1 by at most 0.2 and took a third of the mapping time."""
    max_change: float = 5e-4
    """A round that changes a smaller share of the observations is the last (pycolmap's value)."""
    max_iterations: int = 30
    function_tolerance: float = 1e-4
    loss_scale_px: float = 0.5
    """Soft-L1 loss: residuals beyond this weigh less and less. Plain squares let the wrong matches that pass the 4 px
    filter pull on the poses. On temple_ring 1, 0.5 and 0.3 px gave AUC@1 75, 80 and 83; lund_door stayed."""


def local_adjustment(pipeline: pycolmap.IncrementalPipelineOptions, step: Step) -> pycolmap.BundleAdjustmentOptions:
    """Return the options of the bundle adjustment around a new photo."""
    return _quiet(pipeline.get_local_bundle_adjustment(), step)


def global_adjustment(pipeline: pycolmap.IncrementalPipelineOptions, step: Step) -> pycolmap.BundleAdjustmentOptions:
    """Return the options of the bundle adjustment of a model that still grows."""
    return _quiet(pipeline.get_global_bundle_adjustment(), step)


def first_adjustment(pipeline: pycolmap.IncrementalPipelineOptions, step: Step) -> pycolmap.BundleAdjustmentOptions:
    """Return the options of the bundle adjustment of the first two photos."""
    adjustment = global_adjustment(pipeline, step)
    adjustment.refine_focal_length = step.refines_distortion
    return adjustment


def _quiet(adjustment: pycolmap.BundleAdjustmentOptions, step: Step) -> pycolmap.BundleAdjustmentOptions:
    adjustment.print_summary = False
    adjustment.refine_extra_params = step.refines_distortion
    return adjustment


def final_adjustment(
    pipeline: pycolmap.IncrementalPipelineOptions, step: Step, effort: FinalEffort
) -> pycolmap.BundleAdjustmentOptions:
    """Return the options of the bundle adjustment that ends a model."""
    adjustment = global_adjustment(pipeline, step)
    adjustment.ceres.loss_function_type = pycolmap.LossFunctionType.SOFT_L1
    adjustment.ceres.loss_function_scale = effort.loss_scale_px
    adjustment.ceres.solver_options.function_tolerance = effort.function_tolerance
    adjustment.ceres.solver_options.max_num_iterations = effort.max_iterations
    return adjustment


def refine_to_the_end(
    mapper: pycolmap.IncrementalMapper,
    pipeline: pycolmap.IncrementalPipelineOptions,
    step: Step,
    effort: FinalEffort,
) -> None:
    """Adjust, complete, merge and filter all of a model until little changes, as pycolmap ends a model."""
    gates = mapper_options(pipeline, step)
    triangulation = triangulation_options(pipeline, step)
    adjustment = final_adjustment(pipeline, step, effort)
    mapper.complete_and_merge_tracks(triangulation)
    mapper.retriangulate(triangulation)
    mapper.filter_points(gates)
    for _ in range(effort.max_rounds):
        mapper.adjust_global_bundle(gates, adjustment)
        num_changed = mapper.complete_and_merge_tracks(triangulation) + mapper.filter_points(gates)
        num_observations = mapper.reconstruction.compute_num_observations()
        if num_observations == 0 or num_changed / num_observations < effort.max_change:
            break
    mapper.filter_frames(gates)
    _leave_out_unsupported(mapper)


MIN_POINTS_OF_IMAGE = 10
"""Points of the model that a photo must see at the end; a pose on fewer is as likely chance."""


def _leave_out_unsupported(mapper: pycolmap.IncrementalMapper) -> None:
    """Take back poses that hardly any point supports.

    pycolmap's registration by matches alone accepts nonsense too, and its own filter spares models of fewer
    than 20 images.
    """
    model = mapper.reconstruction
    points_of_frame: Counter[int] = Counter()  # the images of a rig have one pose
    for image_id in model.reg_image_ids():
        image = model.image(image_id)
        points_of_frame[image.frame_id] += image.num_points3D
    for frame_id, num_points in points_of_frame.items():
        if num_points < MIN_POINTS_OF_IMAGE:
            mapper.observation_manager.deregister_frame(frame_id)
