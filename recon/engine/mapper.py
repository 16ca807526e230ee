"""The incremental engine: models from the verified matches of a database.

Skeleton first: a model is grown on a few hundred well-spread tracks per image, then completed with all
matches. Where the skeleton registers less than the view graph promises, the model is grown on all matches
instead, and the better of the two is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import ModelDone, Noted, Observer
from recon.engine.attempts import best_attempt
from recon.engine.checkpoint import Checkpoint
from recon.engine.database_file import open_database
from recon.engine.growth import GrownModel, Growth
from recon.engine.ladder import LADDER, Step, ladder_for
from recon.engine.matches_cache import load_cache
from recon.engine.merging import merge_models
from recon.engine.models import order_models
from recon.engine.refinement import FinalEffort, GrowthEffort
from recon.engine.rig_mapping import map_rigs
from recon.engine.skeleton import SkeletonOptions, choose_skeleton
from recon.engine.skeleton_cache import skeleton_cache
from recon.engine.view_graph import ViewGraph, link_tracks, read_view_graph

SATISFIED = 0.9
"""Share of the largest connected part of the view graph that a skeleton's model should register."""


@dataclass(frozen=True, slots=True)
class IncrementalMapper:
    """Grows models image by image on pycolmap's incremental mapper."""

    skeleton: SkeletonOptions | None = SkeletonOptions()  # noqa: RUF009 - frozen
    """None grows on all matches."""
    max_models: int = 50
    growth_effort: GrowthEffort = GrowthEffort()  # noqa: RUF009 - frozen
    final_effort: FinalEffort = FinalEffort()  # noqa: RUF009 - frozen

    def map(self, database: Path, options: MappingOptions, observer: Observer) -> Sequence[pycolmap.Reconstruction]:
        """Return the models of a COLMAP database, best first; see `recon.Mapper`."""
        pycolmap.set_random_seed(options.seed)
        with open_database(database) as opened:
            cache = load_cache(opened)
            graph = read_view_graph(opened, cache)
        if not graph.pairs:
            return []
        if any(rig.num_sensors() > 1 for rig in cache.rigs.values()):
            return self._map_rigs(database, options, observer)
        models: list[GrownModel] = []
        if self.skeleton is not None:
            models = self._map_on_skeleton(self.skeleton, cache, graph, options, observer)
        if not options.should_stop() and _num_registered(models) < _promised(graph) * SATISFIED:
            if self.skeleton is not None:
                observer(Noted(message="the skeleton registered few photos: growing on all matches too"))
            models = _better(models, self._map_on_all(cache, graph, options, observer))
        if len(models) > 1 and not options.should_stop():
            models = merge_models(models, cache, self._complete_again(cache, options, observer), observer)
        ordered = order_models([grown.model for grown in models])
        step_of = {id(grown.model): grown.step for grown in models}
        for model in ordered:
            _report(GrownModel(model, step_of[id(model)]), observer)
        return ordered

    def _map_rigs(
        self, database: Path, options: MappingOptions, observer: Observer
    ) -> Sequence[pycolmap.Reconstruction]:
        models = order_models(list(map_rigs(database, options, observer)))
        for model in models:
            _report(GrownModel(model, LADDER[0]), observer)
        return models

    def _map_on_skeleton(
        self,
        how: SkeletonOptions,
        cache: pycolmap.DatabaseCache,
        graph: ViewGraph,
        options: MappingOptions,
        observer: Observer,
    ) -> list[GrownModel]:
        skeleton = choose_skeleton(graph, link_tracks(graph), how)
        growing = skeleton_cache(cache, graph, skeleton)
        return self._map_with("skeleton", growing, cache, ladder_for(graph), options, observer)

    def _map_on_all(
        self, cache: pycolmap.DatabaseCache, graph: ViewGraph, options: MappingOptions, observer: Observer
    ) -> list[GrownModel]:
        return self._map_with("all", cache, cache, ladder_for(graph), options, observer)

    def _map_with(
        self,
        name: str,
        growing: pycolmap.DatabaseCache,
        cache: pycolmap.DatabaseCache,
        ladder: tuple[Step, ...],
        options: MappingOptions,
        observer: Observer,
    ) -> list[GrownModel]:
        """Return the models that grow on the matches of `growing` and are completed with those of `cache`."""
        checkpoint = Checkpoint.of(options, name, ladder)
        growth = Growth(growing, options, self.growth_effort, observer, checkpoint.keep)
        grown = self._grow_models(growth, cache.num_images(), options, checkpoint, observer)
        return self._complete(grown, cache, options, checkpoint, observer)

    def _grow_models(
        self, growth: Growth, num_images: int, options: MappingOptions, checkpoint: Checkpoint, observer: Observer
    ) -> list[GrownModel]:
        """Return the models that the ladder's steps give, strict steps first."""
        models = checkpoint.finished("grown")
        for kept in models:
            growth.adopt(kept.model)
        steps = checkpoint.steps_left()
        while len(models) < self.max_models and num_images - growth.num_registered >= options.min_model_size:
            found = best_attempt(growth, steps, num_images, options, checkpoint, observer)
            if found is None:
                break
            models.append(found.best)
            steps = found.steps_left
            if options.should_stop():
                break
            checkpoint.finish("grown", found.best)
        return models

    def _complete(
        self,
        grown: Sequence[GrownModel],
        cache: pycolmap.DatabaseCache,
        options: MappingOptions,
        checkpoint: Checkpoint,
        observer: Observer,
    ) -> list[GrownModel]:
        """Return the models with all their matches, largest first.

        One that falls below the smallest size is dropped, and so is one whose images are all in a larger one:
        with all matches the first model may have registered what began another.
        """
        completed: list[GrownModel] = []
        seen: set[int] = set()
        for number, skeleton in enumerate(sorted(grown, key=lambda each: -each.model.num_reg_images())):
            if seen.issuperset(skeleton.model.reg_image_ids()):
                continue
            each = checkpoint.finished_one("complete", number)
            if each is None or not _share_an_image(each, skeleton):
                growth = Growth(cache, options, self.growth_effort, observer)
                each = growth.complete(skeleton.model, skeleton.step, self.final_effort)
                growth.accept()
                if not options.should_stop():
                    checkpoint.finish("complete", each, number)
            is_model = each.model.num_reg_images() >= options.min_model_size and each.model.num_points3D() > 0
            if is_model and not seen.issuperset(each.model.reg_image_ids()):
                completed.append(each)
                seen.update(each.model.reg_image_ids())
        if not options.should_stop():
            checkpoint.close()
        return completed

    def _complete_again(
        self, cache: pycolmap.DatabaseCache, options: MappingOptions, observer: Observer
    ) -> Callable[[pycolmap.Reconstruction, GrownModel], GrownModel]:
        def complete(poses: pycolmap.Reconstruction, like: GrownModel) -> GrownModel:
            growth = Growth(cache, options, self.growth_effort, observer)
            completed = growth.complete(poses, like.step, self.final_effort)
            growth.accept()
            return completed

        return complete


def _share_an_image(model1: GrownModel, model2: GrownModel) -> bool:
    return not set(model1.model.reg_image_ids()).isdisjoint(model2.model.reg_image_ids())


def _promised(graph: ViewGraph) -> int:
    """Return the number of images in the largest connected part of the view graph."""
    root = list(range(len(graph.image_ids)))

    def find(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    for k1, k2 in graph.pairs:
        root[find(k1)] = find(k2)
    return max(Counter(find(k) for k in range(len(root))).values())


def _num_registered(models: Sequence[GrownModel]) -> int:
    return max((model.model.num_reg_images() for model in models), default=0)


def _better(first: list[GrownModel], second: list[GrownModel]) -> list[GrownModel]:
    """Return the attempt whose largest model has more images, then more points."""

    def worth(models: list[GrownModel]) -> tuple[int, int]:
        return max(((m.model.num_reg_images(), m.model.num_points3D()) for m in models), default=(0, 0))

    return second if worth(second) > worth(first) else first


def _report(grown: GrownModel, observer: Observer) -> None:
    model = grown.model
    model.update_point_3d_errors()
    observer(
        ModelDone(
            images=model.num_reg_images(),
            points3D=model.num_points3D(),
            mean_reprojection_error_px=float(model.compute_mean_reprojection_error()),
            step=grown.step.name,
            first_image=min(model.image(image_id).name for image_id in model.reg_image_ids()),
        )
    )
    if grown.step.name != LADDER[0].name:
        observer(Noted(message=f"a model of {model.num_reg_images()} photos began at step '{grown.step.name}'"))
