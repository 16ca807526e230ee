"""The rungs one after the other: each on a copy of what the last one left, and kept only where photos join."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recon.choice import Choice
from recon.core.components import MappingOptions
from recon.core.counting import counted
from recon.core.data import ImagePair
from recon.core.errors import Cause, ReconError
from recon.core.events import StageStarted
from recon.run import Run
from recon.stages.escalation.further_keypoints import Further, add_further
from recon.stages.escalation.partners import closest_pairs, pairs_to_try
from recon.stages.escalation.rungs import Rung, rungs_of
from recon.stages.escalation.standing import Standing
from recon.stages.escalation.verifying import Found, Material, match_again

if TYPE_CHECKING:
    import pycolmap

LAX_RATIO = 0.9
"""Of a matcher that has a ratio test. Verification and the model sort the matches out."""
UNAVAILABLE = (Cause.MISSING_LIBRARY, Cause.MISSING_WEIGHTS, Cause.BAD_WEIGHTS)
"""Why a rung may be skipped."""


def climb(run: Run, standing: Standing, options: MappingOptions) -> Standing:
    """Return what stands after every rung that the photos that stayed out call for.

    Raises:
        Interrupted: What was compared by then is kept.
    """
    left_out = photos_without(run, standing)
    pairs = pairs_to_try(run, left_out, standing.registered)
    if not pairs:
        return standing
    summary = f"{counted(len(left_out), 'photo')} that stayed out, {len(pairs)} pairs, with more effort"
    run.observer(StageStarted(stage="escalate", total=len(pairs), summary=summary))
    standing, found = _look_again(run, standing, pairs, options)
    for number, rung in enumerate(rungs_of(run)):
        left_out = photos_without(run, standing)
        if not left_out or run.should_stop():
            break
        rung = rung.of_photos(left_out)
        pairs = rung.pairs_of(closest_pairs(run, left_out, standing.registered, found))
        standing = _look_closer(run, standing, rung, pairs, options, standing.database.with_name(f"{number}.db"))
    return standing


def photos_without(run: Run, standing: Standing) -> list[str]:
    """Return the photos that the best model has not."""
    return [image.name for image in run.usable if image.name not in standing.registered]


def _look_again(
    run: Run, standing: Standing, pairs: Sequence[ImagePair], options: MappingOptions
) -> tuple[Standing, Found]:
    """Match the keypoints that are there with more effort."""
    from recon.engine.database import replace_geometries

    num_before = len(photos_without(run, standing))
    material = Material(run.features, run.feature_keys, _lax(run.team.matcher))
    found = match_again(run, pairs, material, run.plan.seed)
    database = standing.database.with_name("again.db")
    shutil.copyfile(standing.database, database)
    num_added = replace_geometries(database, found)
    grown = _grow(run, standing, database, options) if num_added else None
    if grown is None:
        run.note(f"escalate: {num_added} of {len(pairs)} pairs verified now, and no further photo could be registered")
        return standing, found
    after = Standing(grown, database, standing.further)
    gained = num_before - len(photos_without(run, after))
    run.note(f"escalate: {gained} of {num_before} photos that had stayed out were registered after all")
    return after, found


def _look_closer(
    run: Run, standing: Standing, rung: Rung, pairs: Sequence[ImagePair], options: MappingOptions, database: Path
) -> Standing:
    """Look at the photos that are still out, and their partners, with a rung's features and matcher."""
    left_out = set(photos_without(run, standing))
    tried = left_out & {name for pair in pairs for name in (pair.name1, pair.name2)}
    if not tried:
        return standing
    what = f"{counted(len(tried), 'photo')} matched again with {rung.describe()}"
    run.observer(StageStarted(stage="escalate", total=len(pairs), summary=f"{what}, {len(pairs)} pairs"))
    further = fill(run, rung, pairs, standing.database, database, run.plan.seed)
    if further is None:
        return standing
    grown = _grow(run, standing, database, options) if further.num_pairs else None
    if grown is None:
        run.note(f"escalation: {what}: none joined")
        return standing
    after = Standing(grown, database, standing.with_colours(further.colours))
    run.note(f"escalation: {what}: {len(left_out) - len(photos_without(run, after))} joined")
    return after


def fill(run: Run, rung: Rung, pairs: Sequence[ImagePair], source: Path, database: Path, seed: int) -> Further | None:
    """Write a copy of a database with what a rung adds to it; None, and a note, where the rung cannot be had."""
    shutil.copyfile(source, database)
    try:
        return add_further(run, rung, pairs, database, seed)
    except ReconError as error:
        if error.code not in UNAVAILABLE:
            raise
        run.note(f"escalation: {rung.describe()} left out: {error}")
        return None


def _grow(
    run: Run, standing: Standing, database: Path, options: MappingOptions
) -> Sequence[pycolmap.Reconstruction] | None:
    """Return the models with photos joined, or with models merged; None where the best one gains nothing."""
    from recon.engine.continuation import continue_model, merge_continued
    from recon.engine.models import order_models

    best, *others = standing.models
    grown = continue_model(best, database, options, run.observer)
    registered = set((grown or best).reg_image_ids())
    left = [model for model in others if not set(model.reg_image_ids()) <= registered]
    merged = merge_continued([grown or best, *left], database, options, run.observer) if left else None
    models = merged or ([grown, *left] if grown is not None else None)
    if models is None:
        return None
    ordered = order_models(models)
    return ordered if set(best.reg_image_ids()) < set(ordered[0].reg_image_ids()) else None


def _lax(matcher: Choice) -> Choice:
    """Return the matcher that lets more pass, or as it is where it has no ratio."""
    ratio = getattr(matcher.options, "ratio", None)
    if ratio is None or ratio >= LAX_RATIO:
        return matcher
    return replace(matcher, options=replace(matcher.options, ratio=LAX_RATIO))
