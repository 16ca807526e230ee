"""The rungs of the escalation: with what photos that stayed out are looked at again, cheapest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from recon.choice import Choice
from recon.core.data import ImageFile, ImagePair
from recon.matching.orientation import turned_clockwise
from recon.run import Run

_LOOKED_AT = 3
"""Photos whose features tell whether keypoints have orientations."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Features of a photo that the run had not looked for, and what matches them."""

    extractor: Choice
    matcher: Choice
    max_size: int
    """Longest side in pixels that the extractor sees."""
    is_other: bool
    """Whether the features are not those of the run's own extractor."""
    quarter_turns: int = 0
    """Clockwise, by which the photos that stayed out are turned before anything is looked for in them."""
    turned: frozenset[str] = frozenset()
    """The names of those."""

    def of_photos(self, left_out: Collection[str]) -> Rung:
        """Return the rung for these photos that stayed out."""
        return replace(self, turned=frozenset(left_out)) if self.quarter_turns else self

    def pairs_of(self, pairs: Sequence[ImagePair]) -> list[ImagePair]:
        """Return the pairs that it has something new to say of."""
        return [
            pair for pair in pairs if not self.quarter_turns or not self.turned.isdisjoint((pair.name1, pair.name2))
        ]

    def seen(self, image: ImageFile) -> ImageFile:
        """Return the photo as its extractor is to see it; one with a mask of the upright photo stays as it is."""
        if image.name not in self.turned or (image.mask is not None and image.mask.is_upright):
            return image
        return replace(image, orientation=turned_clockwise(image.orientation, self.quarter_turns))

    def describe(self) -> str:
        """Return it in a few words."""
        keypoints = getattr(self.extractor.options, "max_keypoints", None)
        number = f"{keypoints} keypoints" if keypoints is not None else "keypoints"
        names = f"{self.extractor.name} and {self.matcher.name}, " if self.is_other else ""
        turned = f", turned by {90 * self.quarter_turns} degrees" if self.quarter_turns else ""
        return f"{names}{number} at {self.max_size} px{turned}"


def rungs_of(run: Run) -> list[Rung]:
    """Return the rungs that a run has: photos turned, more of its features, attention where its weights are here."""
    rungs = [*_turned(run), *([more] if (more := _more_of_the_same(run)) is not None else [])]
    attention, own = run.team.attention, run.team.extractor
    if attention is not None and own is not None:
        extractor, matcher = attention
        is_own = extractor.name == own.name
        if not (is_own and matcher.name == run.team.matcher.name):
            rungs.append(Rung(extractor, matcher, run.plan.max_size, is_other=True))
    return rungs


def _turned(run: Run) -> list[Rung]:
    """Return the rungs on which photos are turned, for an extractor whose keypoints have no orientation of their own.

    Such features are told apart by what is up in them: a photo held sideways or upside down, and without EXIF that says
    so, matches nothing.
    """
    own = run.team.extractor
    if own is None or any(run.features[image.name].orientations_rad is not None for image in run.usable[:_LOOKED_AT]):
        return []
    return [Rung(own, run.team.matcher, run.plan.max_size, is_other=False, quarter_turns=turns) for turns in (2, 1, 3)]


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
