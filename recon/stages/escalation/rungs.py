"""The rungs of the escalation: with what photos that stayed out are looked at again, cheapest first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from recon.choice import Choice
from recon.run import Run


@dataclass(frozen=True, slots=True)
class Rung:
    """Features of a photo that the run had not looked for, and what matches them."""

    extractor: Choice
    matcher: Choice
    max_size: int
    """Longest side in pixels that the extractor sees."""
    is_other: bool
    """Whether the features are not those of the run's own extractor."""

    def describe(self) -> str:
        """Return it in a few words."""
        keypoints = getattr(self.extractor.options, "max_keypoints", None)
        number = f"{keypoints} keypoints" if keypoints is not None else "keypoints"
        names = f"{self.extractor.name} and {self.matcher.name}, " if self.is_other else ""
        return f"{names}{number} at {self.max_size} px"


def rungs_of(run: Run) -> list[Rung]:
    """Return the rungs that a run has: more of its own features, then attention where its weights are at hand."""
    rungs = [more] if (more := _more_of_the_same(run)) is not None else []
    attention, own = run.team.attention, run.team.extractor
    if attention is not None and own is not None:
        extractor, matcher = attention
        is_own = extractor.name == own.name
        if not (is_own and matcher.name == run.team.matcher.name):
            rungs.append(Rung(extractor, matcher, run.plan.max_size, is_other=True))
    return rungs


def _more_of_the_same(run: Run) -> Rung | None:
    own = run.team.extractor
    if own is None:
        return None
    longest = max(max(image.width, image.height) for image in run.usable)
    max_size = max(run.plan.max_size, min(2 * run.plan.max_size, longest))
    keypoints = getattr(own.options, "max_keypoints", None)
    if keypoints is None and max_size == run.plan.max_size:
        return None
    options = own.options if keypoints is None else replace(own.options, max_keypoints=2 * keypoints)
    return Rung(replace(own, options=options), run.team.matcher, max_size, is_other=False)
