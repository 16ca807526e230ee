"""What a run asks of pycolmap reaches it, and the end of a run mends a rough model."""

from __future__ import annotations

import pycolmap
import pytest

from recon.core.components import MappingOptions
from recon.engine.ladder import LADDER
from recon.engine.refinement import (
    FinalEffort,
    GrowthEffort,
    final_adjustment,
    first_adjustment,
    global_adjustment,
    local_adjustment,
    mapper_options,
    pipeline_options,
    refine_to_the_end,
    triangulation_options,
)

PIPELINE = pipeline_options(MappingOptions(), GrowthEffort())


def test_threads_seed_and_fixed_cameras_reach_pycolmap():
    options = MappingOptions(threads=3, seed=7, fixed_camera_ids=frozenset({2, 5}))
    mapper = mapper_options(pipeline_options(options, GrowthEffort()), LADDER[0])

    assert mapper.num_threads == 3
    assert mapper.random_seed == 7
    assert set(mapper.constant_cameras) == {2, 5}


@pytest.mark.parametrize("step", LADDER, ids=lambda step: step.name)
def test_the_gates_are_those_of_the_step(step):
    mapper = mapper_options(PIPELINE, step)

    assert mapper.init_min_num_inliers == step.min_num_inliers
    assert mapper.init_min_tri_angle == step.min_angle_deg
    assert mapper.init_max_forward_motion == step.max_forward_motion
    assert mapper.abs_pose_min_num_inliers == step.min_pose_inliers
    assert triangulation_options(PIPELINE, step).ignore_two_view_tracks != step.two_view_tracks


@pytest.mark.parametrize("step", LADDER, ids=lambda step: step.name)
def test_distortion_is_estimated_only_where_the_step_says(step):
    adjustments = (
        local_adjustment(PIPELINE, step),
        global_adjustment(PIPELINE, step),
        first_adjustment(PIPELINE, step),
        final_adjustment(PIPELINE, step, FinalEffort()),
    )

    assert {adjustment.refine_extra_params for adjustment in adjustments} == {step.refines_distortion}
    assert not any(adjustment.print_summary for adjustment in adjustments)


def test_effort_is_what_was_asked_for():
    effort = GrowthEffort(global_growth_ratio=1.7, function_tolerance=1e-3, local_rounds=4, global_rounds=3)
    pipeline = pipeline_options(MappingOptions(), effort)
    final = final_adjustment(pipeline, LADDER[0], FinalEffort(max_iterations=9, function_tolerance=1e-2))

    assert pipeline.ba_global_frames_ratio == pipeline.ba_global_points_ratio == 1.7
    assert pipeline.ba_local_max_refinements == 4
    assert pipeline.ba_global_max_refinements == 3
    assert local_adjustment(pipeline, LADDER[0]).ceres.solver_options.function_tolerance == 1e-3
    assert final.ceres.solver_options.max_num_iterations == 9
    assert final.ceres.solver_options.function_tolerance == 1e-2


@pytest.fixture
def rough(synthesize):
    """Return a mapper that holds a model with poses and points off and observations lost, and the truth."""
    path, truth = synthesize(images=8, points=150)
    with pycolmap.Database.open(path) as database:
        cache = pycolmap.DatabaseCache.create(database, pycolmap.DatabaseCacheOptions())
    model = pycolmap.Reconstruction(truth)
    noise = pycolmap.SyntheticNoiseOptions(
        rig_from_world_translation_stddev=0.002, rig_from_world_rotation_stddev=0.02, point3D_stddev=0.002
    )
    pycolmap.synthesize_noise(noise, model)
    for point3d_id in sorted(model.point3D_ids())[:40]:
        seen = model.point3D(point3d_id).track.elements[0]
        model.delete_observation(seen.image_id, seen.point2D_idx)
    mapper = pycolmap.IncrementalMapper(cache)
    mapper.begin_reconstruction(model)
    yield mapper, model, truth
    mapper.end_reconstruction(False)


def test_the_end_moves_poses_to_the_truth_and_brings_lost_observations_back(rough, pose_errors_deg):
    mapper, model, truth = rough
    assert pose_errors_deg(model, truth).max() > 0.01

    refine_to_the_end(mapper, PIPELINE, LADDER[0], FinalEffort(max_rounds=5))

    assert pose_errors_deg(model, truth).max() < 1e-3
    assert model.num_points3D() == truth.num_points3D()
    assert model.compute_num_observations() == truth.compute_num_observations()


def test_without_points_the_end_is_reached_at_once(rough):
    """Photos of which nothing could be triangulated must not divide by their number."""
    mapper, model, _ = rough
    for point3d_id in list(model.point3D_ids()):
        model.delete_point3D(point3d_id)

    refine_to_the_end(mapper, PIPELINE, LADDER[0], FinalEffort())

    assert model.compute_num_observations() == 0


def test_a_pose_that_no_point_supports_is_taken_back(rough, pose_errors_deg):
    """A photo whose matches are nonsense may have got a pose by chance; it must not count as registered."""
    mapper, model, truth = rough
    lost = max(model.reg_image_ids())
    for point2d in model.image(lost).points2D:
        point2d.xy = point2d.xy[::-1]
    refine_to_the_end(mapper, PIPELINE, LADDER[0], FinalEffort())

    assert set(model.reg_image_ids()) == set(truth.reg_image_ids()) - {lost}
    assert all(lost not in {seen.image_id for seen in p.track.elements} for p in model.points3D.values())
    assert pose_errors_deg(model, truth).max() < 1e-3
