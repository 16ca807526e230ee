"""What a run refuses to begin with, or ends with, in words."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from recon.choice import Team
from recon.core.errors import Cause, Interrupted, NoModel, UsageError
from recon.core.events import ignore
from recon.core.executor import never
from recon.matching.images import ImageListing
from recon.plan import Plan
from recon.run import Run
from recon.video.reading import VIDEO_SUFFIXES, is_video
from recon.workspace import Workspace
from recon.workspace.folder import FRAMES, HALF_WRITTEN_FRAMES, MANIFEST
from recon.workspace.manifest import read_manifest


def interrupted(run: Run, signal_number: int) -> Interrupted:
    """Return the error of a run that a signal ended."""
    return Interrupted(
        "interrupted; what was finished is kept",
        signal_number=signal_number,
        try_=f"give the same command again: it goes on from what lies in {run.workspace.path}",
    )


def check_folders(photos: Path, output: Path) -> None:
    """Refuse photos that are no folder, and results among the photos.

    Raises:
        UsageError: MISSING_FILE or NOT_A_WORKSPACE.
    """
    if is_video(photos):
        return
    # pathlib raises for names that are too long.
    if not os.path.isdir(photos):  # noqa: PTH112
        raise UsageError(
            f"the photos' folder {photos} {'is not a folder' if os.path.exists(photos) else 'does not exist'}",  # noqa: PTH110
            code=Cause.MISSING_FILE,
            file=str(photos),
            try_=f"give the folder that holds the photos, or a video ({', '.join(VIDEO_SUFFIXES)})",
        )
    if {FRAMES, HALF_WRITTEN_FRAMES} & {part.name for part in (photos.resolve(), *photos.resolve().parents)} and (
        photos.resolve().is_relative_to(output.resolve())
    ):
        raise UsageError(
            f"{photos} is where {output} keeps the frames of its video, which may be deleted",
            code=Cause.NOT_A_WORKSPACE,
            file=str(photos),
            try_="give the video, or another folder of results with -o DIR",
        )
    if output.resolve() == photos.resolve():
        raise UsageError(
            f"{output} holds the photos: results go into a folder of their own",
            code=Cause.NOT_A_WORKSPACE,
            file=str(output),
            try_="choose another folder with -o DIR",
        )


def check_frames_option(plan: Plan, photos: Path) -> None:
    """Refuse a number of frames where there is no video.

    Raises:
        UsageError: BAD_VALUE.
    """
    if plan.frames is not None and not is_video(photos):
        raise UsageError(
            f"--frames {plan.frames} is for videos, and {photos} is a folder of photos",
            code=Cause.BAD_VALUE,
            try_="leave --frames out; --image-list takes some of the photos only",
        )


def check_keeps_added(plan: Plan, team: Team, photos: Path, output: Path) -> None:
    """Refuse a run that would make another model in place of one to which photos were added.

    Raises:
        UsageError: WOULD_LOSE_PHOTOS.
    """
    manifest_path = output / MANIFEST
    if not os.path.isfile(manifest_path):  # noqa: PTH113 - pathlib raises for names that are too long
        return
    manifest = read_manifest(manifest_path)
    if not manifest.added or Run(plan, team, Workspace(output, manifest), photos, ignore, never).is_mapped:
        return
    out, number = shlex.quote(str(output)), len(manifest.added)
    raise UsageError(
        f"{output} holds a model with {number} added photo{'s' if number > 1 else ''}; this run, of other photos or "
        "with other options, would replace it by one without them",
        code=Cause.WOULD_LOSE_PHOTOS,
        file=str(output),
        try_=f"choose another folder with -o DIR, or give up that model: --fresh (-o {out})",
    )


def check_has_extractor(team: Team) -> None:
    """Refuse the stage of extraction alone where the matcher sees pixels.

    Raises:
        UsageError: BAD_VALUE.
    """
    if team.extractor is None:
        raise UsageError(
            f"there is nothing to extract: --matcher {team.matcher.name} finds matches in the pixels themselves",
            code=Cause.BAD_VALUE,
            try_="begin with `recon match`, with the same options; or choose a matcher of keypoints",
        )


def check_enough_photos(listing: ImageListing, least: int) -> None:
    """Refuse a folder with fewer than `least` usable photos.

    Raises:
        NoModel: NO_PHOTOS, NO_USABLE_PHOTO or TOO_FEW_PHOTOS.
    """
    overlapping = "give a folder of photos (JPEG, PNG, TIFF, WebP, BMP) that overlap by two thirds, or a video"
    if not listing.images and not listing.unusable:
        raise NoModel("the folder holds no photos", code=Cause.NO_PHOTOS, try_=overlapping)
    if not listing.images:
        raise NoModel(
            f"none of the {len(listing.unusable)} photos can be used; the first: {listing.unusable[0].detail}",
            code=Cause.NO_USABLE_PHOTO,
            file=listing.unusable[0].image,
            try_=listing.unusable[0].try_,
        )
    if len(listing.images) < least:
        raise NoModel(
            "only one photo can be used, and a model needs at least two",
            code=Cause.TOO_FEW_PHOTOS,
            file=listing.images[0].name,
            try_=overlapping,
        )


def stage_missing(run: Run, stage: str, what: str) -> UsageError:
    """Return the error of a stage alone whose input is not there: `what` the command `recon {stage}` makes."""
    return UsageError(
        f"{run.workspace.path} does not hold {what}",
        code=Cause.MISSING_FILE,
        file=str(run.workspace.path),
        try_=f"`recon {stage} {run.photos} -o {run.workspace.path}` first, with the same options; or `recon run`",
    )
