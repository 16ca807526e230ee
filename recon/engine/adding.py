"""Further photos registered into a model that stays where it is.

Poses, intrinsics and points of the model are constants of every step here: new photos get poses and, where they
brought cameras of their own, intrinsics; they see old points and make new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import ImageRegistered, Observer
from recon.engine.database_file import open_database
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

_MAX_ERROR_PX = 4.0
_MIN_ANGLE_DEG = 1.5
_STEPS: tuple[Step, ...] = (LADDER[0], LADDER[0].for_the_rest())
"""The demands on a new photo: strict, then lower for those that stayed out."""


@dataclass(frozen=True, slots=True, eq=False)
class GrownByPhotos:
    """A model with new photos in it."""

    model: pycolmap.Reconstruction
    registered: tuple[str, ...]
    """Names of the new photos that got a pose."""
    new_points: frozenset[int]
    """Ids of the points that came with them."""


def add_images(
    model: pycolmap.Reconstruction,
    database: Path,
    names: Collection[str],
    options: MappingOptions,
    observer: Observer,
) -> GrownByPhotos:
    """Return a copy of a model with those new photos registered that fit; what was in it is not moved.

    Args:
        database: Holds the model's photos, in the same rows, and the new ones, with verified matches.
        names: Of the photos that may be registered.
        options: `fixed_camera_ids` are cameras of new photos whose intrinsics are given.
    """
    pycolmap.set_random_seed(options.seed)
    with open_database(database) as opened:
        cache = load_cache(opened, min_matches=1)  # a photo of the model may be linked by few matches to each of many
        wanted = {image.image_id for image in opened.read_all_images() if image.name in names}
    grown = pycolmap.Reconstruction(model)
    adding = _Adding(cache, grown, wanted, options, observer)
    for step in _STEPS:
        adding.register(step)
    return adding.finish()


def registered_names(model: pycolmap.Reconstruction) -> list[str]:
    """Return the names of the images of a model."""
    return sorted(model.image(image_id).name for image_id in model.reg_image_ids())


class _Adding:
    """Registers photo after photo into a model of which nothing else moves."""

    def __init__(
        self,
        cache: pycolmap.DatabaseCache,
        model: pycolmap.Reconstruction,
        wanted: set[int],
        options: MappingOptions,
        observer: Observer,
    ) -> None:
        self._model = model
        self._old_images = set(model.reg_image_ids())
        self._old_points = set(model.point3D_ids())
        self._old_cameras = {model.image(image_id).camera_id for image_id in self._old_images}
        fixed = self._old_cameras | options.fixed_camera_ids
        self._options = options
        self._pipeline = pipeline_options(options, GrowthEffort())
        self._pipeline.constant_cameras = fixed
        self._fixed_cameras = fixed
        self._wanted = wanted & set(cache.images)
        self._observer = observer
        self._mapper = pycolmap.IncrementalMapper(cache)
        self._mapper.begin_reconstruction(model)

    @property
    def _new_images(self) -> list[int]:
        return sorted(set(self._model.reg_image_ids()) - self._old_images)

    def register(self, step: Step) -> None:
        """Register every wanted photo that meets the demands of a step, those that see most points first."""
        while not self._options.should_stop():
            image_id = self._register_next(step)
            if image_id is None:
                return
            self._mapper.triangulate_image(triangulation_options(self._pipeline, step), image_id)
            self._adjust([image_id], step)
            self._drop_misfits([image_id])
            if not self._is_supported(image_id):
                self._take_back(image_id)
                continue
            self._observer(
                ImageRegistered(
                    name=self._model.image(image_id).name,
                    registered=self._model.num_reg_images(),
                    points3D=self._model.num_points3D(),
                )
            )

    def _register_next(self, step: Step) -> int | None:
        gates = mapper_options(self._pipeline, step)
        gates.fix_existing_frames = True
        for image_id in self._mapper.find_next_images(gates, False):
            if image_id in self._wanted and self._mapper.register_next_image(gates, image_id):
                return int(image_id)
        return None

    def finish(self) -> GrownByPhotos:
        """Adjust the new photos and points together, take back what nothing supports, and return the model."""
        step = _STEPS[-1]
        if self._new_images:
            new_points = set(self._model.point3D_ids()) - self._old_points
            self._mapper.triangulator.complete_tracks(triangulation_options(self._pipeline, step), new_points)
            self._adjust(self._new_images, step)
            self._drop_misfits(self._new_images)
        while unsupported := [image_id for image_id in self._new_images if not self._is_supported(image_id)]:
            self._take_back(unsupported[0])  # others may lean on it
        registered = tuple(self._model.image(image_id).name for image_id in self._new_images)
        created = frozenset(self._model.point3D_ids()) - self._old_points
        self._mapper.end_reconstruction(False)
        self._model.update_point_3d_errors()
        return GrownByPhotos(self._model, registered, created)

    def _is_supported(self, image_id: int) -> bool:
        """Whether a new photo sees enough of the model, through a lens that there may be."""
        image = self._model.image(image_id)
        camera = self._model.camera(image.camera_id)
        gates = self._pipeline
        is_odd = image.camera_id not in self._fixed_cameras and camera.has_bogus_params(
            gates.min_focal_length_ratio, gates.max_focal_length_ratio, gates.max_extra_param
        )
        return image.num_points3D >= _STEPS[-1].min_pose_inliers and not is_odd

    def _take_back(self, image_id: int) -> None:
        self._wanted.discard(image_id)
        self._mapper.observation_manager.deregister_frame(self._model.image(image_id).frame_id)

    def _adjust(self, image_ids: Sequence[int], step: Step) -> None:
        """Adjust these new photos, and the new points that they see, to what is constant."""
        config = pycolmap.BundleAdjustmentConfig()
        for image_id in image_ids:
            config.add_image(image_id)
            if self._model.image(image_id).camera_id in self._fixed_cameras:
                config.set_constant_cam_intrinsics(self._model.image(image_id).camera_id)
        for point_id in self._points_of(image_ids):
            if point_id in self._old_points:
                config.add_constant_point(point_id)
            else:
                config.add_variable_point(point_id)
        adjustment = final_adjustment(self._pipeline, step, FinalEffort())
        pycolmap.create_default_bundle_adjuster(adjustment, config, self._model).solve()

    def _points_of(self, image_ids: Sequence[int]) -> list[int]:
        seen = set()
        for image_id in image_ids:
            seen |= {point.point3D_id for point in self._model.image(image_id).get_observation_points2D()}
        return sorted(seen)

    def _drop_misfits(self, image_ids: Sequence[int]) -> None:
        """Drop new points that fit badly, and what new photos see of old points where it does not fit."""
        observations = self._mapper.observation_manager
        new_points = set(self._points_of(image_ids)) - self._old_points
        observations.filter_points3D(_MAX_ERROR_PX, _MIN_ANGLE_DEG, new_points)
        for image_id in image_ids:
            image = self._model.image(image_id)
            for row in image.get_observation_point2D_idxs():
                point2d = image.point2D(row)
                if point2d.point3D_id not in self._old_points:
                    continue
                shown = image.project_point(self._model.point3D(point2d.point3D_id).xyz)
                if shown is None or ((shown - point2d.xy) ** 2).sum() > _MAX_ERROR_PX**2:
                    observations.delete_observation(image_id, row)
