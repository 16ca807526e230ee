"""What follows mapping: every photo and every model accounted for.

The engine says how far each photo came on the way to a pose; the pixels of those that were left out then say
whether they are blurred, dark, blank or mirrored, which explains why they came no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recon.core.data import LeftOut, ModelApart
from recon.core.errors import Cause, NoModel
from recon.run import Run
from recon.stages.diagnosing.appearance import add_to_error, judge_pixels
from recon.stages.diagnosing.mirrored import find_mirrored
from recon.stages.diagnosing.steps import StepsTaken

if TYPE_CHECKING:
    import pycolmap

__all__ = ["Diagnosis", "StepsTaken", "diagnose"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why photos, and models, are not part of the best model."""

    left_out: Sequence[LeftOut] = ()
    apart: Sequence[ModelApart] = ()
    error: NoModel | None = None
    """Why there is no model at all."""
    ladder: Mapping[str, Any] | None = None
    """What was tried to begin a model, where there is none."""

    @property
    def facts(self) -> dict[str, Any]:
        """What goes on record, as JSON."""
        return {
            "left_out": [each.as_dict() for each in self.left_out],
            "apart": [each.as_dict() for each in self.apart],
            "ladder": dict(self.ladder or {}),
        }


def diagnose(run: Run, models: Sequence[pycolmap.Reconstruction]) -> Diagnosis:
    """Return the account of a run whose models, best first, are done."""
    from recon.engine.diagnosis import diagnose_apart, diagnose_left_out, explain_no_model, read_match_record
    from recon.engine.diagnosis.record import names_of

    registered = names_of(models[0]) if models else frozenset[str]()
    if len(models) == 1 and len(registered) == len(run.usable):
        return Diagnosis()
    compared = [(pair.name1, pair.name2) for pair in run.pairs]
    record = read_match_record(run.workspace.database, compared, keypoints_from_pairs=run.sees_pixels)
    explanation = None if models else explain_no_model(record, run.command)
    no_model = explanation.error.code if explanation else Cause.MODEL_TOO_SMALL
    left_out = diagnose_left_out(record, models, run.command, no_model)
    if not run.should_stop():
        left_out = judge_pixels(run, left_out, registered)
        left_out = find_mirrored(run, left_out, registered)
    if explanation is None:
        return Diagnosis(left_out, diagnose_apart(record, models, run.command))
    return Diagnosis(left_out, error=add_to_error(explanation.error, left_out), ladder=explanation.ladder)
