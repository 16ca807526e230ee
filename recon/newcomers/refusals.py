"""Why a new photo has no place in a model, with the numbers behind it, and what to try."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recon.core.data import LeftOut
from recon.core.errors import Cause, ReconError
from recon.newcomers.cameras import Newcomer
from recon.newcomers.comparison import Comparison
from recon.newcomers.finished_run import FinishedRun
from recon.newcomers.gathering import Gathered

if TYPE_CHECKING:
    from recon.engine.localisation import Correspondences, PhotoPose

_FEW_KEYPOINTS = 100
"""Fewer rarely leave enough matches with another photo."""


def refused_pose(
    comparison: Comparison, newcomer: Newcomer, found: Correspondences, pose: PhotoPose | None
) -> ReconError:
    """Return the error of a photo that was not located: FEW_KEYPOINTS, NO_MATCHES, FEW_CORRESPONDENCES, ..."""
    from recon.engine.localisation import LocalisationOptions

    gates = LocalisationOptions()
    name = newcomer.image.name
    num_keypoints = len(comparison.features[name])
    num_matches = {other: len(rows) for other, rows in comparison.rows(name, verified=False).items()}
    num_verified = {other: len(rows) for other, rows in comparison.rows(name, verified=True).items() if len(rows)}
    closest = max(num_verified or num_matches, key=(num_verified or num_matches).__getitem__, default="")
    model = f"the model's {len(comparison.finished.registered)} photos"
    inliers = 0 if pose is None else pose.num_inliers
    if num_keypoints < _FEW_KEYPOINTS:
        cause = Cause.FEW_KEYPOINTS
        detail = f"it has {num_keypoints} keypoints: blurred, dark or without texture"
    elif not num_matches or not num_matches[closest]:
        cause = Cause.NO_MATCHES
        detail = f"it looks like none of {model}"
    elif not num_verified:
        cause = Cause.NO_VERIFIED_GEOMETRY
        detail = (
            f"it has at most {num_matches[closest]} matches with one of {model} ({closest}), and with none of them "
            f"they fit one camera motion; the best pose keeps {inliers} of {len(found)} matches to points"
        )
    elif len(found) < gates.min_num_inliers:
        cause = Cause.FEW_CORRESPONDENCES
        detail = (
            f"it is matched to {len(found)} points of the model, and {gates.min_num_inliers} are needed; closest is "
            f"{closest} with {num_verified[closest]} verified matches"
        )
    else:
        cause = Cause.POSE_REJECTED
        ratio = inliers / max(1, len(found))
        detail = (
            f"the best pose keeps {inliers} of {len(found)} matches to points ({ratio:.0%}), and "
            f"{gates.min_num_inliers} and {gates.min_inlier_ratio:.0%} are needed; closest is {closest} with "
            f"{num_verified[closest]} verified matches"
        )
    return ReconError(
        f"{newcomer.image.path.name} was not located: {detail}",
        code=cause,
        file=str(newcomer.image.path),
        try_=_next_step(comparison, cause, closest),
    )


def _next_step(comparison: Comparison, cause: Cause, closest: str) -> str:
    run = comparison.finished.run
    photos, plan = shlex.quote(str(run.photos)), run.plan
    better = f"recon run {photos} -o OUT --preset best, and locate it in that: more keypoints at a higher resolution"
    if cause is Cause.FEW_KEYPOINTS:
        return "take the photo again; or " + better
    if cause is Cause.NO_MATCHES:
        return "check that it shows the same place; or " + better
    if plan.preset == "best":
        return f"take photos between it and {closest}, and bring them in with `recon add`"
    return f"{better}; or take photos between it and {closest}, and bring them in with `recon add`"


def nothing_usable(gathered: Gathered) -> ReconError:
    """Return the error of a command that names no photo, or none that can be used."""
    first = gathered.left_out[0] if gathered.left_out else None
    return ReconError(
        "there are no photos to add" if first is None else f"none of the photos can be added: {first.detail}",
        code=Cause.NO_PHOTOS if first is None else Cause.NO_USABLE_PHOTO,
        file=None if first is None else first.image,
        try_="give photos (JPEG, PNG, TIFF, WebP, BMP), or a folder of them" if first is None else first.try_,
    )


def none_fits(finished: FinishedRun, left_out: Sequence[LeftOut]) -> ReconError:
    """Return the error of photos of which none has a place in the model."""
    reasons = sorted({each.cause for each in left_out})
    first = left_out[0]
    out = shlex.quote(str(finished.run.workspace.path))
    return ReconError(
        f"none of the {len(left_out)} photos fits the model of {out}, which stays as it was ({', '.join(reasons)}); "
        f"{first.image}: {first.detail}",
        code=first.cause,
        file=first.image,
        try_=f"check that they show the same place as {out}; else give them a workspace of their own: recon run",
    )
