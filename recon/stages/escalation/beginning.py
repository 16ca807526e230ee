"""A small set without any model: begun with the strongest features at hand, and believed only if it comes twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.components import Mapper, MappingOptions
from recon.core.data import ImagePair
from recon.core.events import Observer, StageStarted, ignore
from recon.run import Run
from recon.stages.escalation.climbing import fill
from recon.stages.escalation.rungs import Rung, rungs_of
from recon.stages.escalation.standing import Escalated, colours_with

if TYPE_CHECKING:
    import pycolmap

MOST_PHOTOS = 30
MOST_PARTNERS = 8
"""Of a photo, by matches: a set costs at most 30 photos and 240 pairs."""


def begin(run: Run, options: MappingOptions, folder: Path, steps: Observer) -> Escalated:
    """Return a model of a set that had none, if two seeds agree on it; else none, and why.

    Args:
        folder: For copies of the database.
        steps: Hears what the mapper says.

    Raises:
        Interrupted: What was compared by then is kept.
    """
    from recon.engine.agreement import models_agree

    nothing = Escalated((), run.features.colours)
    rungs, pairs = rungs_of(run), _pairs(run)
    if not (options.min_model_size <= len(run.usable) <= MOST_PHOTOS) or not rungs or not pairs:
        return nothing
    rung = rungs[-1]
    summary = f"no model yet: all {len(run.usable)} photos with {rung.describe()}, {len(pairs)} pairs"
    run.observer(StageStarted(stage="escalate", total=len(pairs), summary=summary))
    first_further = fill(run, rung, pairs, run.workspace.database, folder / "first.db", run.plan.seed)
    if first_further is None:
        return nothing
    first = _map(run, folder / "first.db", options, steps) if first_further.num_pairs else []
    if not first:
        if not run.should_stop():
            run.note(f"escalation: all {len(run.usable)} photos matched again with {rung.describe()}: no model either")
        return nothing
    if run.should_stop():
        return nothing
    other_seed = run.plan.seed + 1
    fill(run, rung, pairs, run.workspace.database, folder / "second.db", other_seed)
    second = _map(run, folder / "second.db", replace(options, seed=other_seed), ignore)
    if run.should_stop():
        return nothing
    if not second or not models_agree(first[0], second[0]):
        explanation = _not_repeatable(rung, first, second)
        run.note(f"escalation: {explanation}")
        return Escalated((), run.features.colours, explanation)
    number = first[0].num_reg_images()
    run.note(f"escalation: {rung.describe()}: a model of {number} photos, on which two seeds agree")
    further = {name: [each] for name, each in first_further.colours.items()}
    return Escalated(first[:1], colours_with(run, further))


def _not_repeatable(
    rung: Rung, first: Sequence[pycolmap.Reconstruction], second: Sequence[pycolmap.Reconstruction]
) -> str:
    sizes = f"{first[0].num_reg_images()} photos with one seed, "
    sizes += f"{second[0].num_reg_images()} with another" if second else "none with another"
    return f"the model of {rung.describe()} was not repeatable ({sizes}, or other poses), and is not kept"


def _map(run: Run, database: Path, options: MappingOptions, observer: Observer) -> list[pycolmap.Reconstruction]:
    from recon.engine.models import order_models

    mapper: Mapper = run.team.mapper.create(run.plan.threads, run.note)
    models = mapper.map(database, replace(options, checkpoint_dir=None), observer)
    return order_models([model for model in models if model.num_reg_images() >= options.min_model_size])


def _pairs(run: Run) -> list[ImagePair]:
    """Return the run's pairs, of each photo those with most matches."""
    from recon.engine.diagnosis import read_match_record

    record = read_match_record(run.workspace.database)

    def closeness(pair: ImagePair) -> tuple[int, int]:
        names = pair.name1, pair.name2
        return record.num_inliers.get(names, 0), record.num_matches.get(names, 0)

    kept: dict[ImagePair, None] = {}
    for image in run.usable:
        own = [pair for pair in run.pairs if image.name in (pair.name1, pair.name2)]
        kept |= dict.fromkeys(sorted(own, key=closeness, reverse=True)[:MOST_PARTNERS])
    return list(kept)
