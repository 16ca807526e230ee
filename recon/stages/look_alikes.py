"""What a run does about pairs that look alike and contradict the others: warn, show their effect, or drop them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from recon.core.events import Warned
from recon.run import Run

if TYPE_CHECKING:
    import pycolmap

    from recon.engine.ambiguity import SuspiciousPair

_MOST_NAMED = 2


def assess_pairs(run: Run) -> list[dict[str, Any]]:
    """Return the suspicious pairs of the run's database, for JSON, and warn of them; under `--strict` they are dropped.

    They are listed with most inliers first.
    """
    from recon.engine.ambiguity import assess_database, drop_pairs

    with run.timed("assess"):
        pairs = assess_database(run.workspace.database)
        if pairs and run.plan.strict:
            drop_pairs(run.workspace.database, [(pair.image1, pair.image2) for pair in pairs])
    if pairs:
        run.observer(Warned(message=_warning(run, pairs)))
    return [pair.as_dict() | {"dropped": run.plan.strict} for pair in pairs]


def _warning(run: Run, pairs: Sequence[SuspiciousPair]) -> str:
    count = "1 pair looks" if len(pairs) == 1 else f"{len(pairs)} pairs look"
    verb = "contradicts" if len(pairs) == 1 else "contradict"
    named = "; ".join(pair.describe() for pair in pairs[:_MOST_NAMED])
    more = f"; and {len(pairs) - _MOST_NAMED} more, listed in recon.json" if len(pairs) > _MOST_NAMED else ""
    which = "it" if len(pairs) == 1 else "they"
    then = (
        f"{which} {'is' if len(pairs) == 1 else 'are'} dropped, since --strict is given"
        if run.plan.strict
        else f"to leave {'it' if len(pairs) == 1 else 'them'} out: {run.command.with_flag('--strict')}"
    )
    return f"{count} alike but {verb} the other photos ({named}{more}); {then}"


def effect_on(run: Run, models: Sequence[pycolmap.Reconstruction]) -> dict[str, Any] | None:
    """Return what the best model owes to suspicious pairs, for JSON, and say it; None where it has none of them."""
    pairs = [(pair["image1"], pair["image2"]) for pair in suspicious_pairs(run)]
    if not pairs or not models or run.plan.strict:
        return None
    from recon.engine.ambiguity import resting_on

    with run.timed("assess"):
        resting = resting_on(run.workspace.database, models[0], pairs)
    run.note(f"look-alikes: {resting.describe()}")
    return resting.as_dict()


def suspicious_pairs(run: Run) -> list[dict[str, Any]]:
    """Return the suspicious pairs on record, once the match stage is."""
    return list(run.record("match").facts.get("suspicious_pairs", ()))
