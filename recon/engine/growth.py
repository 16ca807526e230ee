"""Grows a model: initial pair, next image, triangulation, bundle adjustment, until no image is left to add.

The order of the steps is pycolmap's (Schoenberger and Frahm, "Structure-from-Motion Revisited", CVPR 2016);
driving them from here makes each one an event that can be watched, kept and stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import ImageRegistered, Observer
from recon.engine.ladder import Step
from recon.engine.matches_alone import MatchesAlone
from recon.engine.refinement import (
    FinalEffort,
    GrowthEffort,
    first_adjustment,
    global_adjustment,
    local_adjustment,
    mapper_options,
    pipeline_options,
    refine_to_the_end,
    triangulation_options,
)

MIN_FIRST_POINTS = 10
"""Points below which the two first photos fix neither each other nor a third."""


FEW_IMAGES = 5
"""Images up to which a model keeps the points that only two of them see: hardly any other are there."""


@dataclass(frozen=True, slots=True)
class GrownModel:
    """A model, and the step of the ladder that began it."""

    model: pycolmap.Reconstruction
    step: Step


class Growth:
    """Grows models on one set of matches; images of an earlier model do not begin a later one."""

    def __init__(
        self,
        cache: pycolmap.DatabaseCache,
        options: MappingOptions,
        effort: GrowthEffort,
        observer: Observer,
        keep: Callable[[pycolmap.Reconstruction, Step], None] | None = None,
    ) -> None:
        """Args: `keep` is called after each registered image with the model so far and its step."""
        self._cache = cache
        self._mapper = pycolmap.IncrementalMapper(cache)
        self._matches_alone = MatchesAlone(self._mapper, cache.correspondence_graph)
        self._pipeline = pipeline_options(options, effort)
        self._options = options
        self._observer = observer
        self._keep = keep

    @property
    def num_registered(self) -> int:
        """Images registered in any model that was kept."""
        return int(self._mapper.num_total_reg_images())

    def allow_other_pairs(self) -> None:
        """Forget which initial pairs failed: a relaxed step may take them."""
        self._mapper.reset_initialization_stats()

    def grow(self, step: Step, start: pycolmap.Reconstruction | None = None) -> GrownModel | None:
        """Return a model begun under the demands of `step`, or grown further from `start`.

        Returns:
            None when no pair meets the demands; the model may have as few as two images.
        """
        model = start
        if model is None:
            model = self._begin(step)
            if model is None:
                return None
        else:
            self._mapper.begin_reconstruction(model)
        self._register_images(model, step)
        return GrownModel(model, step)

    def complete(self, poses: pycolmap.Reconstruction, step: Step, effort: FinalEffort) -> GrownModel:
        """Return the model that all matches give on the poses and intrinsics of `poses`.

        Its remaining images are then registered too where they fit, and everything is adjusted.
        """
        model = pycolmap.Reconstruction()
        model.load(self._cache)
        if poses.num_reg_images() <= FEW_IMAGES:
            step = replace(step, two_view_tracks=True)
        for camera in poses.cameras.values():
            if model.exists_camera(camera.camera_id):
                model.camera(camera.camera_id).params = camera.params
        for frame_id in poses.reg_frame_ids():
            model.frame(frame_id).rig_from_world = poses.frame(frame_id).rig_from_world
            model.register_frame(frame_id)
        self._mapper.begin_reconstruction(model)
        for image_id in sorted(model.reg_image_ids()):
            self._mapper.triangulate_image(triangulation_options(self._pipeline, step), image_id)
        self._register_images(model, step)
        if near := self._registered_beside_the_rest(model):
            step = step.for_the_rest()
            for image_id in near:
                self._mapper.triangulate_image(triangulation_options(self._pipeline, step), image_id)
            self._register_images(model, step)
        refine_to_the_end(self._mapper, self._pipeline, step, effort)
        return GrownModel(model, step)

    def continue_from(
        self, start: pycolmap.Reconstruction, step: Step, effort: FinalEffort, matched_anew: Collection[int] = ()
    ) -> pycolmap.Reconstruction | None:
        """Return the model with further images registered and everything adjusted; None where none fits.

        `start` itself stays as it is; keypoint rows and image ids have to be those of the matches.

        Args:
            matched_anew: Registered images whose matches give points that the model has not.
        """
        model = pycolmap.Reconstruction(start)
        self._mapper.begin_reconstruction(model)
        for image_id in sorted(set(matched_anew) & set(model.reg_image_ids())):
            self._mapper.triangulate_image(triangulation_options(self._pipeline, step), image_id)
        self._register_images(model, step)
        has_grown = model.num_reg_images() > start.num_reg_images()
        if has_grown:
            refine_to_the_end(self._mapper, self._pipeline, step, effort)
        self._mapper.end_reconstruction(False)
        return model if has_grown else None

    def _registered_beside_the_rest(self, model: pycolmap.Reconstruction) -> list[int]:
        """Return the registered images that a verified pair links to an image without a pose."""
        registered = set(model.reg_image_ids())
        near: set[int] = set()
        for pair_id in self._cache.correspondence_graph.image_pairs():
            ends = set(pycolmap.pair_id_to_image_pair(pair_id))
            if len(ends & registered) == 1:
                near |= ends & registered
        return sorted(near)

    def accept(self) -> None:
        """Keep the model that was grown last."""
        self._mapper.end_reconstruction(False)

    def adopt(self, model: pycolmap.Reconstruction) -> None:
        """Keep a model that was grown earlier: its images begin no other."""
        self._mapper.begin_reconstruction(model)
        self._mapper.end_reconstruction(False)

    def discard(self) -> None:
        """Forget the model that was grown last; its images may begin another."""
        self._mapper.end_reconstruction(True)

    def _begin(self, step: Step) -> pycolmap.Reconstruction | None:
        """Return a model of two images; pycolmap ranks the pairs and remembers which were tried."""
        mapper, gates = self._mapper, mapper_options(self._pipeline, step)
        triangulation = triangulation_options(self._pipeline, step)
        while not self._options.should_stop():
            model = pycolmap.Reconstruction()
            mapper.begin_reconstruction(model)
            found = mapper.find_initial_image_pair(gates, -1, -1)
            if found is None:
                mapper.end_reconstruction(True)
                return None
            image_ids, cam2_from_cam1 = found
            mapper.register_initial_image_pair(gates, *image_ids, cam2_from_cam1)
            for image_id in image_ids:
                mapper.triangulate_image(triangulation, image_id)
            mapper.adjust_global_bundle(gates, first_adjustment(self._pipeline, step))
            model.normalize()
            mapper.filter_points(gates)
            mapper.filter_frames(gates)
            if model.num_points3D() >= MIN_FIRST_POINTS and model.num_reg_frames() >= 2:
                for count, image_id in enumerate(image_ids, start=1):
                    self._announce(model, image_id, count)
                return model
            mapper.end_reconstruction(True)
        return None

    def _register_images(self, model: pycolmap.Reconstruction, step: Step) -> None:
        """Register image after image until none is left or none fits."""
        self._matches_alone.start()
        gates = mapper_options(self._pipeline, step)
        num_adjusted, points_adjusted = model.num_reg_frames(), model.num_points3D()
        ratio = self._pipeline.ba_global_frames_ratio
        while not self._options.should_stop():
            image_id = self._register_next(step)
            if image_id is None:
                # A global adjustment may mend what kept the rest out: one more try after it.
                if model.num_reg_frames() == num_adjusted or not self._mapper.find_next_images(gates, True):
                    break
                self._refine_globally(step)
            else:
                self._mapper.triangulate_image(triangulation_options(self._pipeline, step), image_id)
                self._refine_locally(step, image_id)
                self._announce(model, image_id, model.num_reg_images())
                if self._keep is not None:
                    self._keep(model, step)
                has_grown = (
                    model.num_reg_frames() >= ratio * num_adjusted or model.num_points3D() >= ratio * points_adjusted
                )
                if not has_grown:
                    continue
                self._refine_globally(step)
            num_adjusted, points_adjusted = model.num_reg_frames(), model.num_points3D()

    def _register_next(self, step: Step) -> int | None:
        """Return the image that was registered, through points of the model or, failing that, through
        matches to its images alone."""
        gates = mapper_options(self._pipeline, step)
        for image_id in self._mapper.find_next_images(gates, False):
            if self._mapper.register_next_image(gates, image_id):
                return int(image_id)
        return self._matches_alone.register_next(gates, step.two_view_tracks)

    def _refine_locally(self, step: Step, image_id: int) -> None:
        self._mapper.iterative_local_refinement(
            self._pipeline.ba_local_max_refinements,
            self._pipeline.ba_local_max_refinement_change,
            mapper_options(self._pipeline, step),
            local_adjustment(self._pipeline, step),
            triangulation_options(self._pipeline, step),
            image_id,
        )

    def _refine_globally(self, step: Step) -> None:
        gates = mapper_options(self._pipeline, step)
        self._mapper.iterative_global_refinement(
            self._pipeline.ba_global_max_refinements,
            self._pipeline.ba_global_max_refinement_change,
            gates,
            global_adjustment(self._pipeline, step),
            triangulation_options(self._pipeline, step),
        )
        self._mapper.filter_frames(gates)

    def _announce(self, model: pycolmap.Reconstruction, image_id: int, num_registered: int) -> None:
        self._observer(
            ImageRegistered(
                name=model.image(image_id).name,
                registered=num_registered,
                points3D=model.num_points3D(),
            )
        )
