"""A second look at photos that stayed out: matched again with more effort, against the photos of the best model.

Rung by rung, cheapest first: the keypoints that are there, with a laxer matcher, a longer search for a geometry and
photos that the pair selector had not thought of; then twice as many keypoints of larger pictures; then attention
(LightGlue) where its weights are at hand. What verifies is added to a copy of the database, on which the best model is
taken up again. Features and results of pairs are kept, so that an interrupted run goes on; the run's database stays as
it was. A small set without any model is begun with the last rung, and believed if two seeds agree.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recon.core.components import MappingOptions
from recon.core.errors import Interrupted
from recon.core.events import Observer
from recon.run import Run
from recon.stages.escalation.beginning import begin
from recon.stages.escalation.climbing import climb, photos_without
from recon.stages.escalation.standing import Escalated, Standing

if TYPE_CHECKING:
    import pycolmap

__all__ = ["Escalated", "escalate"]


def escalate(
    run: Run, models: Sequence[pycolmap.Reconstruction], options: MappingOptions, steps: Observer
) -> Escalated:
    """Return the models, the best one with the photos that a second look could register; never a worse one.

    Args:
        steps: Hears what a mapper says, where there was no model.

    What was compared before an interruption is kept.

    Raises:
        Interrupted: There is no model.
    """
    if not run.plan.escalate or run.sees_pixels or run.should_stop():
        return Escalated(models, run.features.colours)
    standing = Standing(models, run.workspace.database)
    if models and not photos_without(run, standing):
        return Escalated(models, run.features.colours)
    folder = run.workspace.cache / "escalation"
    folder.mkdir(exist_ok=True)
    try:
        with run.timed("escalate"):
            if not models:
                return begin(run, options, folder, steps)
            copy = folder / "database.db"
            shutil.copyfile(run.workspace.database, copy)
            standing = climb(run, Standing(models, copy), options)
            return Escalated(standing.models, standing.colours(run))
    except Interrupted:
        if not models:
            raise
        return Escalated(models, run.features.colours)  # the stage writes them, and ends
    finally:
        shutil.rmtree(folder, ignore_errors=True)
