"""Why an image is not in the best model: the first thing on the way from pixels to a pose that went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pycolmap

from recon.core.commands import RunCommand
from recon.core.counting import counted
from recon.core.data import LeftOut
from recon.core.errors import Cause
from recon.engine.diagnosis import advice
from recon.engine.diagnosis.copies import SAME_PLACE, median_shift
from recon.engine.diagnosis.poses import MIN_INLIER_RATIO, MIN_POSE_INLIERS, correspondences, try_pose
from recon.engine.diagnosis.record import MatchRecord, names_of, read_verified
from recon.engine.two_view import VerificationOptions

FEW_KEYPOINTS = 100
"""Fewer keypoints than this rarely leave 15 verified matches with another image."""
MIN_INLIERS = VerificationOptions().min_num_inliers
_BEST_SHOWN = 5
_MORE_OVERLAP = "add photos that overlap it and the registered ones by two thirds"


@dataclass(frozen=True, slots=True, eq=False)
class _Left:
    """An image that was left out, and how it stands to the others."""

    name: str
    record: MatchRecord
    registered: frozenset[str]
    """Images of the best model."""
    command: RunCommand
    no_model: Cause

    def because(self, cause: Cause, detail: str, *ways: str | None, **evidence: Any) -> LeftOut:
        """Return the answer, with the numbers that every answer has."""
        return LeftOut(self.name, cause, detail, advice.either(*ways), {**self._evidence(), **evidence})

    def _evidence(self) -> dict[str, Any]:
        matched, inliers = self.record.matched(self.name), self.record.neighbours(self.name)
        best = sorted(matched, key=lambda other: (-inliers.get(other, 0), -matched[other], other))
        return {
            "keypoints": self.record.num_keypoints[self.name],
            "usual_keypoints": self.record.usual_keypoints,
            "compared_with": self.num_compared,
            "matched_with": len(matched),
            "verified_with": len(inliers),
            "verified_with_registered": len(self.registered & inliers.keys()),
            "matches": [
                {
                    "image": other,
                    "matches": matched[other],
                    "inliers": inliers.get(other, 0),
                    "registered": other in self.registered,
                }
                for other in best[:_BEST_SHOWN]
            ],
        }

    @property
    def num_compared(self) -> int | None:
        """Images that it was compared with, where that is known."""
        return None if self.record.num_compared is None else self.record.num_compared.get(self.name, 0)

    @property
    def of_those_compared(self) -> str:
        """The same, to begin a sentence with."""
        return "" if self.num_compared is None else f"of {counted(self.num_compared, 'photo')} it was compared with, "


def diagnose_left_out(
    record: MatchRecord,
    models: Sequence[pycolmap.Reconstruction],
    command: RunCommand | None = None,
    no_model: Cause = Cause.MODEL_TOO_SMALL,
) -> list[LeftOut]:
    """Return the images of a database that are not in the first (best) of the models, with the cause.

    Args:
        command: What the user typed: the commands that are recommended are made from it.
        no_model: Why there is no model where there is none; it holds for every photo that was verified with another.
    """
    names = [names_of(model) for model in models]
    best = names[0] if names else frozenset()
    found = []
    for name in sorted(record.num_keypoints.keys() - best):
        left = _Left(name, record, best, command or RunCommand(), no_model)
        number = next((k for k, images in enumerate(names) if name in images), None)
        if number is not None:
            found.append(_in_another_model(left, number, len(names[number]) - 1))
        else:
            found.append(_without_links(left) or _with_links(left, models[0] if models else None))
    return found


def _in_another_model(left: _Left, number: int, num_others: int) -> LeftOut:
    return left.because(
        Cause.OTHER_MODEL,
        f"registered with {num_others} other photos in the separate model sparse/{number}",
        f"look at it: {advice.view(left.command, f'sparse/{number}')}",
        "add photos that join the two parts",
        model=f"sparse/{number}",
    )


def _without_links(left: _Left) -> LeftOut | None:
    """Return why no verified pair leads to an image; None where one does."""
    record, stronger = left.record, advice.stronger(left.command)
    num_keypoints = record.num_keypoints[left.name]
    if not record.keypoints_from_pairs and num_keypoints < FEW_KEYPOINTS:
        detail = f"{num_keypoints} keypoints, where the photos have {record.usual_keypoints:,.0f} in the median"
        return left.because(Cause.FEW_KEYPOINTS, detail, "take the photo again", stronger)
    if left.num_compared == 0:
        detail = "the pair selector compared it with no other photo"
        return left.because(Cause.NOT_COMPARED, detail, advice.compare_all(left.command))
    matched = record.matched(left.name)
    if record.neighbours(left.name):
        return None
    if not matched:
        detail = f"looks like no other photo of the set: {left.of_those_compared}not one matches"
        return left.because(Cause.NO_MATCHES, detail, _MORE_OVERLAP, stronger)
    closest = next(iter(matched))
    usual = f"; verified pairs keep {record.usual_inliers:,.0f} in the median" if record.num_inliers else ""
    if matched[closest] < MIN_INLIERS:
        detail = (
            f"overlaps no other photo: {left.of_those_compared}the most matches are {matched[closest]} ({closest}), "
            f"and {MIN_INLIERS} are the least{usual}"
        )
        return left.because(Cause.NO_MATCHES, detail, _MORE_OVERLAP, stronger)
    detail = (
        f"similar to {counted(len(matched), 'photo')}, at most {matched[closest]} matches ({closest}), "
        f"but no pair fits one camera motion{usual}"
    )
    return left.because(Cause.NO_VERIFIED_GEOMETRY, detail, _MORE_OVERLAP, stronger)


def _with_links(left: _Left, best: pycolmap.Reconstruction | None) -> LeftOut:
    """Return why an image that some pair is verified with has no pose."""
    neighbours, stronger = left.record.neighbours(left.name), advice.stronger(left.command)
    to_model = {other: n for other, n in neighbours.items() if other in left.registered}
    if best is not None and to_model:
        nearest = next(iter(to_model))
        return _without_pose(left, best, nearest, to_model[nearest])
    closest = next(iter(neighbours))
    if copy := _copy_of(left, closest):
        return copy
    verified = f"verified with {counted(len(neighbours), 'photo')}, at most {neighbours[closest]} inliers ({closest})"
    if best is None and left.no_model is Cause.NO_PARALLAX:
        detail = f"{verified}, but from nearly the same place"
        return left.because(left.no_model, detail, "take photos from other places, each a step from the last")
    if best is None:
        return left.because(left.no_model, f"{verified}, but no model came of them", _MORE_OVERLAP, stronger)
    detail = f"{verified}, none of them in the model"
    return left.because(Cause.NOT_CONNECTED, detail, "take photos from between it and the registered ones", stronger)


def _without_pose(left: _Left, best: pycolmap.Reconstruction, nearest: str, num_inliers: int) -> LeftOut:
    """Return at which gate an image fails that is verified with registered ones, `nearest` by most inliers."""
    stronger = advice.stronger(left.command)
    trial = try_pose(correspondences(left.name, left.record, best))
    evidence = trial.as_evidence()
    sees = f"sees {trial.num_correspondences} points of the model; closest is {nearest} with {num_inliers} inliers"
    if trial.gate == "correspondences":
        detail, way = f"{sees}; {MIN_POSE_INLIERS} points are needed", f"take photos from between it and {nearest}"
        return left.because(Cause.FEW_CORRESPONDENCES, detail, stronger, way, **evidence)
    if trial.wants_other_focal_length:
        detail = (
            f"{sees}; a pose keeps {trial.num_inliers} of them with its focal length of {trial.focal_px:,.0f} px, and "
            f"{trial.num_inliers_free} with {trial.free_focal_px:,.0f} px: it is cropped or zoomed, or EXIF is wrong"
        )
        as_taken = "give the photo as the camera took it"
        return left.because(Cause.WRONG_FOCAL_LENGTH, detail, advice.own_cameras(left.command), as_taken, **evidence)
    kept = f"the best pose keeps {trial.num_inliers} of them ({trial.inlier_ratio:.0%})"
    if trial.gate is None:
        detail = f"{sees}; {kept}, which is enough now: it was refused while the model grew, or lost its points later"
        return left.because(Cause.POSE_REJECTED, detail, advice.other_seed(left.command), stronger, **evidence)
    needed = f"{MIN_POSE_INLIERS} are needed" if trial.gate == "inliers" else f"{MIN_INLIER_RATIO:.0%} are needed"
    detail = f"{sees}, but no pose fits enough of them: {kept}, {needed}"
    return left.because(Cause.POSE_REJECTED, detail, stronger, **evidence)


def _copy_of(left: _Left, other: str) -> LeftOut | None:
    """Return that an image is a copy of another, where their matches lie in the same places."""
    pairs = [pair for pair in left.record.num_inliers if set(pair) == {left.name, other}]
    (matches,) = read_verified(left.record.database, pairs).values()
    shift = median_shift(matches)
    if shift > SAME_PLACE:
        return None
    moved_px = shift * matches.camera1.width
    detail = f"the same picture as {other}: the median of {len(matches.rows)} matches moved by {moved_px:.1f} px"
    return left.because(Cause.SAME_PICTURE, detail, "keep one of the two, and take others a step apart", copy_of=other)
