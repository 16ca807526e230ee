"""Why no model could be begun: the gate that stopped the best pairs, and what was relaxed in vain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from recon.core.arrays import IntArray
from recon.core.commands import RunCommand
from recon.core.errors import Cause, NoModel
from recon.engine.diagnosis import advice
from recon.engine.diagnosis.copies import SAME_PLACE
from recon.engine.diagnosis.gates import PairGates, ladder_tried, measure_best_pairs
from recon.engine.diagnosis.photos import FEW_KEYPOINTS
from recon.engine.diagnosis.poses import MIN_POSE_INLIERS
from recon.engine.diagnosis.record import MatchRecord, VerifiedMatches, other_of, read_verified
from recon.engine.ladder import LADDER

SAFE_ANGLE_DEG = 4.0
"""Largest angle of any pair below which it is the angle that is missing, even where the last step lets a pair begin:
on fox, 2.8 deg gave points that the filter of 1.5 deg then took away."""
_BEST_SHOWN = 3
_OVERLAP = "take photos that overlap by two thirds"
_RELAXED = (
    f"all {len(LADDER)} steps were tried, from {LADDER[0].min_num_inliers} inliers and {LADDER[0].min_angle_deg:g} deg "
    f"down to {LADDER[-1].min_num_inliers} and {LADDER[-1].min_angle_deg:g}"
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why there is no model."""

    error: NoModel
    ladder: dict[str, Any] = field(default_factory=dict)
    """The steps that were tried and the best pairs, as JSON; empty where no pair was verified."""


def explain_no_model(record: MatchRecord, command: RunCommand | None = None) -> Explanation:
    """Return why no model could be begun.

    Args:
        command: What the user typed: the commands that are recommended are made from it.
    """
    command = command or RunCommand()
    harder = advice.either(_OVERLAP, advice.stronger(command))
    most_keypoints = max(record.num_keypoints.values(), default=0)
    if most_keypoints < FEW_KEYPOINTS and not record.keypoints_from_pairs:
        return _explanation(
            f"no photo has {FEW_KEYPOINTS} keypoints, the most are {most_keypoints}: they are blurred, dark or "
            "without texture",
            Cause.FEW_KEYPOINTS,
            advice.either("take them again, sharp and well lit", advice.stronger(command)),
        )
    pairs = measure_best_pairs(record)
    if not pairs:
        most = max(record.num_matches.values(), default=0)
        return _explanation(
            f"no two photos show the same place: {len(record.num_matches)} pairs have matches, at most {most}, and "
            "none fits one camera motion",
            Cause.NO_INITIAL_PAIR,
            harder,
        )
    shown = "; ".join(pair.describe() for pair in pairs[:_BEST_SHOWN])
    last = LADDER[-1]
    strong = [pair for pair in pairs if pair.inliers >= last.min_num_inliers]
    if not strong:
        needed = f"{last.min_num_inliers} inliers are needed, {_RELAXED}"
        message = f"the photos hardly overlap: the best pairs are {shown}; {needed}"
        return _explanation(message, Cause.NO_INITIAL_PAIR, harder, pairs)
    is_turned = all(pair.turn_deg is not None for pair in strong)
    if is_turned or max(pair.angle_deg for pair in strong) < SAFE_ANGLE_DEG:
        return _without_depth(strong, pairs, shown)
    first = max(strong, key=lambda pair: (pair.gate(last) is None, pair.inliers))
    third = _best_third(record, first)
    message = f"{len(record.num_inliers)} pairs were verified, but no third photo fits any of them ({shown}); {third}"
    return _explanation(message, Cause.MODEL_TOO_SMALL, harder, pairs)


def _without_depth(strong: Sequence[PairGates], pairs: Sequence[PairGates], shown: str) -> Explanation:
    last = LADDER[-1]
    if all(pair.shift < SAME_PLACE for pair in strong):
        message = f"the photos show the same picture, so depth cannot be measured ({shown})"
        next_step = "keep one copy of each photo, and walk around the object between photos"
        return _explanation(message, Cause.NO_PARALLAX, next_step, pairs)
    next_step = "walk around the object between photos instead of turning on the spot"
    if all(pair.turn_deg is not None for pair in strong):
        message = f"the camera turned on the spot, so depth cannot be measured ({shown})"
        return _explanation(message, Cause.NO_PARALLAX, next_step, pairs)
    most = max(pair.angle_deg for pair in strong)
    message = (
        f"the camera hardly moved between overlapping photos, so depth cannot be measured ({shown}); the largest angle "
        f"is {most:.1f} deg, {last.min_angle_deg:g} deg are the least, {SAFE_ANGLE_DEG:g} deg rarely fail; {_RELAXED}"
    )
    return _explanation(message, Cause.NO_PARALLAX, next_step, pairs)


def _best_third(record: MatchRecord, first: PairGates) -> str:
    """Return how much the photo sees that shares most with both photos of a pair that a model could begin with."""
    linked = [pair for pair in record.num_inliers if (first.image1 in pair) != (first.image2 in pair)]
    begun = next(pair for pair in record.num_inliers if {*pair} == {first.image1, first.image2})
    verified = read_verified(record.database, [begun, *linked])
    in_both = {name: set(_rows_of(verified[begun], name == begun[1]).tolist()) for name in begun}
    shares: dict[str, int] = {}
    for pair in linked:
        name = first.image1 if first.image1 in pair else first.image2
        shared = len(in_both[name].intersection(_rows_of(verified[pair], name == pair[1]).tolist()))
        third = other_of(pair, name)
        shares[third] = max(shares.get(third, 0), shared)
    if not shares:
        return f"no other photo is linked to {first.image1} or {first.image2}"
    best = max(shares, key=lambda name: shares[name])
    return (
        f"{best} shares the most points with {first.image1} and {first.image2}: {shares[best]}, where a pose needs "
        f"{MIN_POSE_INLIERS} that fit"
    )


def _rows_of(verified: VerifiedMatches, is_second: bool) -> IntArray:
    return verified.rows[:, int(is_second)]


def _explanation(message: str, code: Cause, next_step: str, pairs: Sequence[PairGates] = ()) -> Explanation:
    ladder = ladder_tried(pairs) if pairs else {}
    return Explanation(NoModel(message, code=code, try_=next_step), ladder)
