"""The best of several models begun with different pairs, where the pair that began the first is a weak one.

Photos taken while walking forward, or of one flat front, leave depth and focal length loose at the beginning, and a
model may bend for good: on a walk of 172 m, single attempts were between 9 and 95 m off, and of five attempts the one
with the most observations never more than 12 m. A model whose first pair met the strictest demands needs no other.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import Noted, Observer
from recon.engine.checkpoint import MOST_ATTEMPTS, Checkpoint
from recon.engine.growth import GrownModel, Growth
from recon.engine.ladder import LADDER, Step

MANY_IMAGES = 100
"""Above so many images an attempt takes minutes, and one more has to do."""
_TOO_SMALL_IN_VAIN = 10
"""Models below the smallest size in a row, once there is one above it, after which no further pair is tried."""


def num_attempts(step: Step, num_images: int) -> int:
    """Return how many models to compare."""
    if step.name == LADDER[0].name:
        return 1
    return MOST_ATTEMPTS if num_images <= MANY_IMAGES else 2


def worth(model: pycolmap.Reconstruction) -> tuple[int, int]:
    """Return what attempts are compared by: observations times registered images, then images.

    A bent model loses observations at the bend; one more photo outweighs a few of them.
    """
    num_registered = int(model.num_reg_images())
    return int(model.compute_num_observations()) * num_registered, num_registered


@dataclass(frozen=True, slots=True)
class BestAttempt:
    """The model that was kept, and what may begin the next one."""

    best: GrownModel
    steps_left: tuple[Step, ...]
    """From the step on which the first attempt began: stricter ones have no pair."""


def best_attempt(
    growth: Growth,
    steps: Sequence[Step],
    num_images: int,
    options: MappingOptions,
    checkpoint: Checkpoint,
    observer: Observer,
) -> BestAttempt | None:
    """Return the best of the models that pairs under the demands of the steps begin, settled with `growth`.

    The strictest step that begins a model decides how many there are; later steps add some only where they count the
    same points. A stop returns the best so far. None when no pair begins a model of the smallest size.
    """
    attempts = checkpoint.finished("attempt")
    kept = checkpoint.resume()
    in_vain = 0

    def is_enough() -> bool:
        if options.should_stop() or not attempts:
            return options.should_stop()
        return len(attempts) >= num_attempts(attempts[0].step, num_images) or in_vain >= _TOO_SMALL_IN_VAIN

    for step in steps:
        if attempts and step.two_view_tracks != attempts[0].step.two_view_tracks:
            break
        growth.allow_other_pairs()
        while not is_enough():
            grown = growth.grow(kept.step, start=kept.model) if kept else growth.grow(step)
            kept = None
            if grown is None:
                break
            if options.should_stop():
                checkpoint.keep(grown.model, grown.step, at_once=True)
            if grown.model.num_reg_images() < options.min_model_size:
                growth.discard()
                in_vain += bool(attempts)
                continue
            if num_attempts(grown.step, num_images) > 1:
                grown = GrownModel(copy.deepcopy(grown.model), grown.step)  # what is discarded is emptied
                growth.discard()
            else:
                growth.accept()
            attempts.append(grown)
            if not options.should_stop():
                checkpoint.finish("attempt", grown)
    if not attempts:
        return None
    best = max(attempts, key=lambda attempt: worth(attempt.model))  # the first of equals
    first = attempts[0].step
    if num_attempts(first, num_images) > 1:
        growth.adopt(best.model)
    if len(attempts) > 1:
        observer(Noted(message=_describe(attempts, best)))
    return BestAttempt(best, tuple(steps[[step.name for step in steps].index(first.name) :]))


def _describe(attempts: list[GrownModel], best: GrownModel) -> str:
    shown = ", ".join(
        f"{attempt.model.num_reg_images()} photos and {attempt.model.compute_num_observations()} observations"
        for attempt in sorted(attempts, key=lambda attempt: worth(attempt.model), reverse=True)[:3]
    )
    return (
        f"best of {len(attempts)} models begun with different pairs, since step '{best.step.name}' asks little: "
        f"{shown}{', ...' if len(attempts) > 3 else ''}"
    )
