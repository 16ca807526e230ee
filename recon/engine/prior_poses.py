"""Models on poses that are known before: points triangulated onto them, or a start from which everything is refined.

`PosesKept` leaves the poses as they are; `PosesRefined` takes them for a first guess, and registers further images.
The frame and units of both are those of the poses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.core.components import MappingOptions
from recon.core.events import ModelDone, Observer, Warned
from recon.engine.database_file import open_database
from recon.engine.growth import FEW_IMAGES, Growth
from recon.engine.ladder import LADDER, Step
from recon.engine.matches_cache import load_cache
from recon.engine.refinement import (
    FinalEffort,
    GrowthEffort,
    final_adjustment,
    mapper_options,
    pipeline_options,
    triangulation_options,
)

MIN_SHARE_KEPT = 0.25
"""Share of the matched keypoints that triangulate, below which poses and matches contradict each other. Good poses keep
about half and more."""
LEAST_SHARE = 0.05
"""Below this there is no model on them: of poses in another convention, 0.00 triangulate by chance; of poses given to
the wrong photos, 0.07."""
ROUGH_ERROR_PX = 16.0
"""How far observations may lie off while poses are only a first guess: four times what the end allows."""
ROUGH_ANGLE_DEG = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class PosesKept:
    """Triangulates the points of a database onto poses that stay as they are."""

    poses: Mapping[str, pycolmap.Rigid3d]
    """`cam_from_world` by image name, of two images at least."""
    effort: FinalEffort = FinalEffort()  # noqa: RUF009 - frozen

    def map(self, database: Path, options: MappingOptions, observer: Observer) -> Sequence[pycolmap.Reconstruction]:
        """Return the one model; none where the matches deny the poses. See `recon.Mapper`."""
        pycolmap.set_random_seed(options.seed)
        cache = _read_cache(database)
        model = _posed_model(cache, self.poses)
        if model.num_reg_images() < 2:
            return []
        step = _step(model)
        pipeline = pipeline_options(options, GrowthEffort())
        pipeline.fix_existing_frames = True
        mapper = pycolmap.IncrementalMapper(cache)
        mapper.begin_reconstruction(model)
        gates, triangulation = mapper_options(pipeline, step), triangulation_options(pipeline, step)
        for image_id in sorted(model.reg_image_ids()):
            mapper.triangulate_image(triangulation, image_id)
        mapper.complete_and_merge_tracks(triangulation)
        mapper.retriangulate(triangulation)
        mapper.filter_points(gates)
        for _ in range(self.effort.max_rounds):
            if options.should_stop() or model.num_points3D() == 0:
                break
            mapper.adjust_global_bundle(gates, final_adjustment(pipeline, step, self.effort))
            mapper.complete_and_merge_tracks(triangulation)
            mapper.filter_points(gates)
        mapper.end_reconstruction(False)
        for image_id in model.reg_image_ids():  # an adjustment rounds what it leaves alone
            image = model.image(image_id)
            if image.is_ref_in_frame() and image.name in self.poses:
                model.frame(image.frame_id).rig_from_world = self.poses[image.name]
        return _checked(model, cache, observer)


@dataclass(frozen=True, slots=True, eq=False)
class PosesRefined:
    """Grows a model from poses that are a first guess: all are refined, and images without one are registered."""

    poses: Mapping[str, pycolmap.Rigid3d]
    """As for `PosesKept`."""
    effort: FinalEffort = FinalEffort()  # noqa: RUF009 - frozen

    def map(self, database: Path, options: MappingOptions, observer: Observer) -> Sequence[pycolmap.Reconstruction]:
        """Return the one model; none where the matches deny the poses. See `recon.Mapper`."""
        pycolmap.set_random_seed(options.seed)
        cache = _read_cache(database)
        start = _posed_model(cache, self.poses)
        if start.num_reg_images() < 2:
            return []
        step = _step(start)
        _settle(start, cache, step, options)
        growth = Growth(cache, options, GrowthEffort(), observer)
        grown = growth.complete(start, step, self.effort)
        growth.accept()
        models = _checked(grown.model, cache, observer)
        for model in models:
            _align(model, self.poses)
        return models


def rigid_pose(rotation: FloatArray, translation: FloatArray) -> pycolmap.Rigid3d:
    """Return `cam_from_world` of a (3, 3) rotation and a (3,) translation."""
    return pycolmap.Rigid3d(pycolmap.Rotation3d(np.ascontiguousarray(rotation)), translation)


def _read_cache(database: Path) -> pycolmap.DatabaseCache:
    with open_database(database) as opened:
        return load_cache(opened)


def _posed_model(cache: pycolmap.DatabaseCache, poses: Mapping[str, pycolmap.Rigid3d]) -> pycolmap.Reconstruction:
    """Return a model of the images with poses, and without points; images that match nothing are not in it."""
    model = pycolmap.Reconstruction()
    model.load(cache)
    for image_id in sorted(cache.images):
        image = model.image(image_id)
        if image.name in poses and image.is_ref_in_frame():  # the others of a rig follow it
            model.frame(image.frame_id).rig_from_world = poses[image.name]
            model.register_frame(image.frame_id)
    return model


def _step(model: pycolmap.Reconstruction) -> Step:
    few = model.num_reg_images() <= FEW_IMAGES
    return LADDER[0].for_the_rest() if few else LADDER[0]


def _settle(model: pycolmap.Reconstruction, cache: pycolmap.DatabaseCache, step: Step, options: MappingOptions) -> None:
    """Move rough poses to where their matches agree, before misfits are dropped under the usual gates."""
    pipeline = pipeline_options(options, GrowthEffort())
    gates = mapper_options(pipeline, step)
    triangulation = triangulation_options(pipeline, step)
    triangulation.create_max_angle_error = triangulation.continue_max_angle_error = ROUGH_ANGLE_DEG
    triangulation.merge_max_reproj_error = triangulation.complete_max_reproj_error = ROUGH_ERROR_PX
    mapper = pycolmap.IncrementalMapper(cache)
    mapper.begin_reconstruction(model)
    for _ in range(2):
        for image_id in sorted(model.reg_image_ids()):
            mapper.triangulate_image(triangulation, image_id)
        if model.num_points3D() == 0:
            break
        mapper.adjust_global_bundle(gates, final_adjustment(pipeline, step, FinalEffort()))
        gates.filter_max_reproj_error = ROUGH_ERROR_PX
        mapper.filter_points(gates)
    mapper.end_reconstruction(False)


def _checked(
    model: pycolmap.Reconstruction, cache: pycolmap.DatabaseCache, observer: Observer
) -> list[pycolmap.Reconstruction]:
    """Return the model in a list, empty where the matches deny its poses; say where they doubt them."""
    graph = cache.correspondence_graph
    shares = {}
    for image_id in sorted(model.reg_image_ids()):
        if matched := int(graph.num_observations_for_image(image_id)):
            shares[model.image(image_id).name] = model.image(image_id).num_points3D / matched
    usual = float(np.median(list(shares.values()))) if shares else 0.0
    if usual < LEAST_SHARE:
        return []
    doubted = [name for name, share in shares.items() if share < MIN_SHARE_KEPT]
    if usual < MIN_SHARE_KEPT:
        message = (
            f"only {usual:.0%} of a photo's matched keypoints agree with the prior poses: check that they are of these "
            "photos, and that the intrinsics are right"
        )
        observer(Warned(message=message))
    elif doubted:
        shown = ", ".join(doubted[:5])
        observer(Warned(message=f"the prior poses of {len(doubted)} photos contradict their matches: {shown}"))
    model.update_point_3d_errors()
    observer(
        ModelDone(
            images=model.num_reg_images(),
            points3D=model.num_points3D(),
            mean_reprojection_error_px=float(model.compute_mean_reprojection_error()),
        )
    )
    return [model]


def _align(model: pycolmap.Reconstruction, poses: Mapping[str, pycolmap.Rigid3d]) -> None:
    """Move a model into the frame of the prior poses, as closely as a similarity can."""
    names = {model.image(image_id).name: image_id for image_id in model.reg_image_ids()}
    common = sorted(set(names) & set(poses))
    if len(common) < 2:
        return
    found = [model.image(names[name]).cam_from_world() for name in common]
    prior = [poses[name] for name in common]
    reach = _spread([_center(pose) for pose in prior])
    ratio = _spread([_center(pose) for pose in found]) / reach if reach else 0.0
    if ratio <= 0:
        return
    # Points along the cameras' axes, too: centres on a line leave a turn about it open.
    source = np.concatenate([_tripod(pose, reach * ratio) for pose in found])
    target = np.concatenate([_tripod(pose, reach) for pose in prior])
    similarity = pycolmap.estimate_sim3d(source, target)
    if similarity is not None:
        model.transform(similarity)


def _center(pose: pycolmap.Rigid3d) -> FloatArray:
    center: FloatArray = -pose.rotation.matrix().T @ pose.translation
    return center


def _spread(centers: Sequence[FloatArray]) -> float:
    return float(np.linalg.norm(np.std(np.array(centers), axis=0)))


def _tripod(pose: pycolmap.Rigid3d, length: float) -> FloatArray:
    """Return (4, 3) the centre of a camera, and a point ahead on each of its axes."""
    center = _center(pose)
    return np.vstack([center, center + length * pose.rotation.matrix()])
