"""What a run refuses to begin with, or ends with, in words."""

from __future__ import annotations

import os
from pathlib import Path

from recon.choice import Team
from recon.core.errors import Cause, Interrupted, NoModel, UsageError
from recon.matching.images import ImageListing
from recon.run import Run


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
    # pathlib raises for names that are too long.
    if not os.path.isdir(photos):  # noqa: PTH112
        raise UsageError(
            f"the photos' folder {photos} {'is not a folder' if os.path.exists(photos) else 'does not exist'}",  # noqa: PTH110
            code=Cause.MISSING_FILE,
            file=str(photos),
            try_="give the folder that holds the photos",
        )
    if output.resolve() == photos.resolve():
        raise UsageError(
            f"{output} holds the photos: results go into a folder of their own",
            code=Cause.NOT_A_WORKSPACE,
            file=str(output),
            try_="choose another folder with -o DIR",
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
    overlapping = "give a folder of photos (JPEG, PNG, TIFF, WebP, BMP) that overlap by two thirds"
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
