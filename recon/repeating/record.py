"""A finished run as its recon.json records it: what it takes to repeat it, and whether that is still there."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from recon.choice import key_of
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.kinds import Kind
from recon.core.registry import PluginRegistry
from recon.matching.images import list_images
from recon.matching.masks import with_masks
from recon.plan import Plan
from recon.plan_record import plan_of
from recon.weights import locate_weights
from recon.workspace import Manifest, State
from recon.workspace.atomic import file_digest
from recon.workspace.folder import FRAMES, MANIFEST
from recon.workspace.manifest import read_manifest

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run that ended, with a model or with the reason why there is none."""

    workspace: Path
    manifest: Manifest
    plan: Plan
    video: Path | None
    """Where the photos are frames of it."""
    photos: Path
    """Their folder, at the time of the run."""

    @property
    def photo_keys(self) -> Mapping[str, str] | None:
        """The key of what each photo showed, by name; None where an older recon did not write it down."""
        record = self.manifest.stages.get("extract")
        keys: Mapping[str, str] | None = None if record is None else record.facts.get("photos")
        return keys


def read_run(workspace: Path) -> RecordedRun:
    """Return what a workspace records of its run.

    Raises:
        UsageError: NOT_A_WORKSPACE, there is none, or its run has not ended; CORRUPT_FILE.
    """
    path = workspace / MANIFEST
    if not path.is_file():
        raise UsageError(
            f"{workspace} is no workspace of recon: it has no {MANIFEST}",
            code=Cause.NOT_A_WORKSPACE,
            file=str(workspace),
            try_="give the output folder of `recon run`",
        )
    manifest = read_manifest(path)
    if "import" in manifest.stages:
        raise UsageError(
            f"{workspace} was made of others' matches, which recon.json does not hold",
            code=Cause.NOT_A_WORKSPACE,
            file=str(path),
            try_=f"give the command again: {manifest.command}",
        )
    if manifest.state not in (State.FINISHED, State.FAILED) or "map" not in manifest.stages:
        raise UsageError(
            f"the run in {workspace} has not ended: there is nothing yet to repeat",
            code=Cause.NOT_A_WORKSPACE,
            file=str(path),
            try_=f"let it end first: {manifest.command or 'give the same `recon run` command again'}",
        )
    plan = plan_of(manifest.plan, path, threads=manifest.plan.get("threads"))
    frames = manifest.stages.get("frames")
    photos = Path(manifest.photos)
    if frames is None or photos.name != FRAMES:
        return RecordedRun(workspace, manifest, plan, None, photos)
    return RecordedRun(workspace, manifest, plan, Path(frames.facts["video"]), workspace / FRAMES)


def check_photos(run: RecordedRun, photos: Path) -> None:
    """Refuse photos, or a video, that are not what they were.

    Args:
        photos: Where they are now.

    Raises:
        UsageError: MISSING_FILE, they are not there.
        ReconError: PHOTOS_CHANGED, naming some.
    """
    if not photos.exists():
        raise UsageError(
            f"the {'video' if run.video else 'photos'} of {run.workspace} are not at {photos} any more",
            code=Cause.MISSING_FILE,
            file=str(photos),
            try_="say with --photos where they are now",
        )
    if photos.is_file():
        if run.video is None or file_digest(photos) != run.manifest.stages["frames"].facts["digest"]:
            raise _changed(photos, "it is not the video that the run was made of")
        return
    if run.photo_keys is None:
        return
    with ThreadPoolExecutor(run.plan.threads) as pool:
        listing = list_images(photos, run.plan.image_list, pool)
        if run.plan.masks is not None:
            listing = with_masks(listing, photos, run.plan.masks, pool)
    now = {image.name: key_of(*image.shown) for image in listing.images}
    gone = sorted(run.photo_keys.keys() - now.keys())
    added = sorted(now.keys() - run.photo_keys.keys())
    changed = sorted(name for name, key in run.photo_keys.items() if now.get(name, key) != key)
    said = [
        f"{len(names)} {what} ({', '.join(names[:_MOST_NAMED])}{', ...' if len(names) > _MOST_NAMED else ''})"
        for what, names in (("gone", gone), ("changed", changed), ("added", added))
        if names
    ]
    if said:
        raise _changed(photos, f"since the run, of {len(run.photo_keys)} photos: {'; '.join(said)}")


def _changed(photos: Path, how: str) -> ReconError:
    return ReconError(
        f"the photos at {photos} are not those of the run: {how}",
        code=Cause.PHOTOS_CHANGED,
        file=str(photos),
        try_="put them back as they were, or say with --photos where the old ones are; `recon run` makes a new model",
    )


def check_weights(run: RecordedRun, registry: PluginRegistry) -> None:
    """Refuse to begin where weights of the run are not here any more: another file would be downloaded, or none used.

    Raises:
        ReconError: MISSING_WEIGHTS.
    """
    for title in run.manifest.plan.get("options", ()):
        kind, _, name = title.partition(":")
        spec = registry.find(Kind(kind), name).spec
        for file in spec.weights:
            given = run.plan.settings.weights_for(Kind(kind), spec, file)
            here = (
                given if given is not None and given.is_file() else None if given is not None else locate_weights(file)
            )
            if file.name in run.manifest.weights and here is None:
                raise ReconError(
                    f"the run used the weights {file.name} of {name}, which are not here any more",
                    code=Cause.MISSING_WEIGHTS,
                    file=str(given or file.name),
                    try_=f"`recon weights get {name}` fetches them, or put the file back",
                )
