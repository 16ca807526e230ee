"""A finished model taken up again with more matches: kept only if it gains photos and loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import Observer
from recon.engine.appending import extend_rows
from recon.engine.database_file import open_database
from recon.engine.growth import GrownModel, Growth
from recon.engine.ladder import LADDER
from recon.engine.matches_cache import load_cache
from recon.engine.merging import merge_models
from recon.engine.refinement import FinalEffort, GrowthEffort

MAX_ERROR_RATIO = 1.25
"""Mean reprojection error afterwards, to that before, of the points that were there before."""
MAX_ERROR_RATIO_OF_ALL = 2.0
"""Of all points: those of another extractor's keypoints may be less exact."""
MIN_OBSERVATIONS = 0.95
"""Share of the model's observations that is left in its earlier photos."""


def continue_model(
    model: pycolmap.Reconstruction, database: Path, options: MappingOptions, observer: Observer
) -> pycolmap.Reconstruction | None:
    """Return a model with more photos, registered under the strictest demands; None where the check fails.

    Args:
        database: The model's photos in the same rows, with more matches than it was made from; keypoints may follow
            those that the model knows.
    """
    pycolmap.set_random_seed(options.seed)
    start = pycolmap.Reconstruction(model)
    extended = extend_rows(start, database)
    growth = Growth(_read_cache(database), options, GrowthEffort(), observer)
    grown = growth.continue_from(start, LADDER[0], FinalEffort(), extended)
    return grown if grown is not None and _has_only_gained(grown, model) else None


def merge_continued(
    models: Sequence[pycolmap.Reconstruction], database: Path, options: MappingOptions, observer: Observer
) -> list[pycolmap.Reconstruction] | None:
    """Return the models with those merged that the database's matches show to be parts of one; None where none is.

    Args:
        database: As for `continue_model`.
    """
    pycolmap.set_random_seed(options.seed)
    parts = [GrownModel(pycolmap.Reconstruction(model), LADDER[0]) for model in models]
    for part in parts:
        extend_rows(part.model, database)
    cache = _read_cache(database)

    def complete(poses: pycolmap.Reconstruction, like: GrownModel) -> GrownModel:
        growth = Growth(cache, options, GrowthEffort(), observer)
        completed = growth.complete(poses, like.step, FinalEffort())
        growth.accept()
        return completed

    merged = merge_models(parts, cache, complete, observer)
    return [each.model for each in merged] if len(merged) < len(parts) else None


def _read_cache(database: Path) -> pycolmap.DatabaseCache:
    with open_database(database) as opened:
        return load_cache(opened)


def _has_only_gained(grown: pycolmap.Reconstruction, before: pycolmap.Reconstruction) -> bool:
    registered, was_registered = set(grown.reg_image_ids()), set(before.reg_image_ids())
    if not registered > was_registered:
        return False
    needed = LADDER[0].min_pose_inliers
    if any(grown.image(image_id).num_points3D < needed for image_id in registered - was_registered):
        return False
    for model in (grown, before):
        model.update_point_3d_errors()
    seen_before = sum(before.image(image_id).num_points3D for image_id in was_registered)
    seen_now = sum(grown.image(image_id).num_points3D for image_id in was_registered)
    return (
        seen_now >= MIN_OBSERVATIONS * seen_before
        and _error_px(grown, before) <= MAX_ERROR_RATIO * _error_px(before, grown)
        and _error_px(grown) <= MAX_ERROR_RATIO_OF_ALL * _error_px(before)
    )


def _error_px(model: pycolmap.Reconstruction, other: pycolmap.Reconstruction | None = None) -> float:
    """Return the mean reprojection error of a model's points, or of those that another model has too."""
    others = None if other is None else set(other.point3D_ids())
    errors = [point.error for point_id, point in model.points3D.items() if others is None or point_id in others]
    return max(float(np.mean(errors)), 1e-6) if errors else 1e-6
