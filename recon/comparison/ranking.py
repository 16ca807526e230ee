"""Which combination to take, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recon.comparison.trial import Trial

SAME_CONSISTENCY = 0.02
SAME_AUC = 0.3
STABLE = 0.95


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to take."""

    label: str
    reason: str


def recommend(trials: Sequence[Trial]) -> Recommendation | None:
    """Return the best of the combinations; None where none made a model.

    With truth: the largest AUC@3. Without: the most photos registered; among those within one photo of it, the ones
    that a second run repeats; of these, the ones whose model agrees best with matches that it was not made of; and
    where that does not tell them apart, the fastest.
    """
    left = [trial for trial in trials if trial.registered]
    if not left:
        return None
    if len(left) == 1:
        return Recommendation(left[0].label, "the only one that made a model")
    if all(trial.auc_deg for trial in left):
        return _by_truth(left)
    most = max(trial.registered for trial in left)
    reasons = []
    chosen = [trial for trial in left if trial.registered >= most - 1]
    if len(chosen) < len(left):
        reasons.append(f"it registers {_registered(chosen)} photos, the others at most {_most_of_rest(left, chosen)}")
    stable = [trial for trial in chosen if (trial.stability or 0.0) >= STABLE]
    if stable and len(stable) < len(chosen):
        chosen = stable
        reasons.append("a second run repeats its model")
    best = max(trial.held_out_consistency or 0.0 for trial in chosen)
    consistent = [trial for trial in chosen if (trial.held_out_consistency or 0.0) >= best - SAME_CONSISTENCY]
    if len(consistent) < len(chosen):
        reasons.append(f"{100 * best:.0f} % of the matches kept out agree with its model, more than with the others'")
    fastest = min(consistent, key=lambda trial: trial.seconds)
    if len(consistent) > 1:
        reasons.append(f"of {len(consistent)} that are as good it is the fastest")
    return Recommendation(fastest.label, "; ".join(reasons))


def _by_truth(trials: Sequence[Trial]) -> Recommendation:
    best = max(trial.auc_deg["3"] for trial in trials)
    close = [trial for trial in trials if trial.auc_deg["3"] >= best - SAME_AUC]
    fastest = min(close, key=lambda trial: trial.seconds)
    reason = f"AUC@3 of {fastest.auc_deg['3']:.1f} against the truth"
    return Recommendation(fastest.label, reason + (", and the fastest of those as good" if len(close) > 1 else ""))


def _registered(trials: Sequence[Trial]) -> str:
    counts = sorted({trial.registered for trial in trials})
    return " or ".join(map(str, counts))


def _most_of_rest(trials: Sequence[Trial], chosen: Sequence[Trial]) -> int:
    return max(trial.registered for trial in trials if trial not in chosen)
