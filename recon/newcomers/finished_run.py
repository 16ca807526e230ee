"""A finished run, read back from its workspace, so that further photos find their place in its model."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.choice import choose_team
from recon.core.arrays import FloatArray
from recon.core.data import Features, ImageFile
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.events import Observer, Warned
from recon.core.executor import never
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.core.registry import PluginRegistry
from recon.matching.headers import read_header
from recon.matching.overlays import WithoutOverlays
from recon.matching.unreadable import UnreadableImage
from recon.plan import AUTO, NONE, Plan
from recon.plan_record import plan_of
from recon.run import Run
from recon.workspace import Workspace
from recon.workspace.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    import pycolmap

PAIRS = "retrieval"
"""The pair selector that finds the photos most like a new one."""
_REFINED_PX = 3.0
"""By which a refiner may have moved half of the keypoints."""


@dataclass(frozen=True)
class FinishedRun:
    """The plan, the photos and the best model of a workspace."""

    run: Run
    """Its plan carried on: the same extractor and matcher, with the same options."""
    model: pycolmap.Reconstruction
    passed_over: frozenset[str] = frozenset()
    """Photos that a new one is not compared with."""

    @cached_property
    def keypoints(self) -> Mapping[str, FloatArray]:
        """(N, 2) float32 of each photo of the database, by name."""
        from recon.engine.database_contents import read_keypoints

        return read_keypoints(self.run.workspace.database)

    @cached_property
    def photos(self) -> Mapping[str, ImageFile]:
        """The photo files that the database was made of, by name; those that are gone or changed are missing.

        Raises:
            UsageError: None of them is where it was.
        """
        manifest = self.run.workspace.manifest
        found = {image.name: image for image in self.run.listing.images if image.name in self.keypoints}
        for each in manifest.added:
            try:
                found[each["image"]] = read_header(Path(each["file"]), each["image"])
            except UnreadableImage:
                continue
        if not found:
            raise _photos_gone(self.run.photos, self.run.workspace.path)
        found = {name: image for name, image in found.items() if name not in self.passed_over}
        lost = sorted(set(self.registered) - set(found) - self.passed_over)
        if lost:
            self.run.observer(
                Warned(
                    message=f"{len(lost)} photos of the model are not where they were, and go unused; "
                    f"the first: {lost[0]}"
                )
            )
        return found

    @cached_property
    def registered(self) -> Mapping[str, int]:
        """The image id of each photo of the model, by name."""
        return {self.model.image(image_id).name: image_id for image_id in self.model.reg_image_ids()}

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """The features of its photos, in the rows of the database, by name."""
        if self.run.sees_pixels:
            return {name: _bare(self.keypoints[name], image) for name, image in self.photos.items()}
        assert self.run.team.extractor is not None
        images = list(self.photos.values())
        keys = Run.extracted_keys(self.run.team.extractor, self.run.plan.max_size, images)
        return WithoutOverlays(images, keys, self.run.store, self.run.make_extraction, self.run.overlays)

    def fits_database(self, name: str) -> bool:
        """Whether the features of a photo are those that the model was made of: the photo may have changed since."""
        kept, found = self.keypoints[name], self.features[name].keypoints
        # Keypoints that escalation found may follow.
        return len(kept) >= len(found) and bool(np.allclose(kept[: len(found)], found, atol=0.01))


def _bare(keypoints: FloatArray, image: ImageFile) -> Features:
    return Features(keypoints, np.zeros((len(keypoints), 0), np.float32), (image.width, image.height))


def read_finished_run(
    out: Path,
    registry: PluginRegistry,
    observer: Observer,
    *,
    photos: Path | None = None,
    device: str = AUTO,
    threads: int | None = None,
    should_stop: Callable[[], bool] = never,
) -> FinishedRun:
    """Return what a workspace holds; nothing is written.

    Args:
        photos: Where its photos are now; None means where they were.

    Raises:
        UsageError: MISSING_FILE; NOT_A_WORKSPACE, also for a bare COLMAP model; a plugin that is not there any more.
        ReconError: CORRUPT_FILE.
    """
    from recon.engine.models import read_model

    model = read_model(out)  # says what is wrong with a path that is nothing of the kind
    manifest_path = out / "recon.json"
    if not manifest_path.is_file():
        raise UsageError(
            f"{out} is a COLMAP model without recon's workspace: the features of its photos are not known",
            code=Cause.NOT_A_WORKSPACE,
            file=str(out),
            try_=f"make a workspace with these poses: recon run PHOTOS -o OUT --prior-poses {shlex.quote(str(out))}",
        )
    manifest = read_manifest(manifest_path)
    workspace = Workspace(out, manifest)
    if not workspace.database.is_file():
        raise ReconError(
            f"{out} has a model and no database.db, so its keypoints are not known",
            code=Cause.CORRUPT_FILE,
            file=str(workspace.database),
            try_="give the same `recon run` command again: it makes the database anew",
        )
    plan = _plan(manifest, manifest_path, device, threads)
    folder = Path(manifest.photos) if photos is None else photos
    if not folder.is_dir():
        raise _photos_gone(folder, out)
    team = choose_team(plan, registry, lambda message: None)
    finished = FinishedRun(Run(plan, team, workspace, folder, observer, should_stop), model)
    _check_same_rows(finished)
    return finished


def _check_same_rows(finished: FinishedRun) -> None:
    """Refuse a model that an earlier run with other features left beside a newer database."""
    for name, image_id in finished.registered.items():
        if not _has_rows_of(finished.model.image(image_id), finished.keypoints.get(name)):
            out = finished.run.workspace.path
            raise ReconError(
                f"the model in {out} was not made of the database beside it, but by an earlier run",
                code=Cause.CORRUPT_FILE,
                file=str(finished.run.workspace.database),
                try_="give a `recon run` with the options of the model again, or make it anew with other ones",
            )


def _has_rows_of(image: pycolmap.Image, keypoints: FloatArray | None) -> bool:
    """Whether a photo of a model has the keypoints of a database; those that escalation found may follow them."""
    if keypoints is None or image.num_points2D() <= len(keypoints):
        return keypoints is not None and image.num_points2D() == len(keypoints)
    shown = np.array([point.xy for point in image.points2D[: len(keypoints)]]).reshape(-1, 2)
    moved = np.abs(shown - keypoints).max(axis=1)
    return not len(moved) or bool(np.median(moved) <= _REFINED_PX)


def _plan(manifest: Manifest, path: Path, device: str, threads: int | None) -> Plan:
    """Return the plan by which a new photo is compared with the old ones: only those are asked for by name."""
    plan = plan_of(manifest.plan, path, device=device, threads=threads)
    kinds = (Kind.EXTRACTOR, Kind.MATCHER, Kind.IMAGE_MATCHER)
    settings = Settings(tuple(entry for entry in plan.settings.entries if entry.kind in kinds))
    return replace(plan, pairs=PAIRS, pairs_file=None, mapper=AUTO, refiner=NONE, settings=settings)


def _photos_gone(folder: Path, out: Path) -> UsageError:
    return UsageError(
        f"the photos of {out} are not in {folder} any more, and a new photo is compared with them",
        code=Cause.MISSING_FILE,
        file=str(folder),
        try_="say with --photos DIR where they are now",
    )
