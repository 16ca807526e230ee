"""New photos brought into the model of a finished run, whose folder this process holds."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.components import MappingOptions
from recon.core.data import Features, ImageFile, LeftOut
from recon.core.errors import Interrupted
from recon.core.events import StageStarted
from recon.matching.cameras import CameraOptions
from recon.matching.features import FeatureSet, extract_features
from recon.matching.overlays import WithoutOverlays
from recon.newcomers.added import AddedPhotos
from recon.newcomers.cameras import newcomers_of
from recon.newcomers.comparison import Comparison, compare
from recon.newcomers.finished_run import FinishedRun
from recon.newcomers.gathering import Gathered
from recon.newcomers.refusals import none_fits, nothing_usable
from recon.newcomers.storing import record_added, store_grown
from recon.run import Run
from recon.stages.matching import database_keypoints
from recon.workspace import Workspace

if TYPE_CHECKING:
    import pycolmap

    from recon.engine.adding import GrownByPhotos
    from recon.engine.database import VerifiedPair
    from recon.engine.database_extension import Extension


def join(
    finished: FinishedRun, workspace: Workspace, gathered: Gathered, camera: CameraOptions | None, start: float
) -> AddedPhotos:
    """Return what became of the photos of a command; the workspace is changed at the end, or not at all.

    Args:
        camera: What is known of the new photos' cameras; None: what the run knows.
        start: When the command began, of `time.perf_counter`.

    Raises:
        ReconError: None of the photos can be used, or fits the model.
        Interrupted: Nothing is changed.
    """
    from recon.output.colours import colour_points_of

    run = finished.run
    known = tuple(image.name for image in gathered.known if image.name in finished.registered)
    unplaced = [image.name for image in gathered.known if image.name not in finished.registered]
    left_out = list(gathered.left_out)
    if not gathered.new and not unplaced:
        if not known:
            raise nothing_usable(gathered)
        record_added(finished, workspace, gathered, finished.model, left_out)  # where a crash came before that
        return _outcome(workspace, finished.model, (), known, left_out, 0, start)
    features, unreadable = _extract(finished, gathered)
    left_out += unreadable
    readable = [image for image in gathered.new if image.name not in {each.image for each in unreadable}]
    scratch = workspace.cache / "adding"
    try:
        with run.open_pairs() as store:
            newcomers = newcomers_of(finished, readable, camera)
            run.observer(StageStarted(stage="match", total=len(newcomers), summary=run.team.matcher.name))
            comparison = compare(finished, newcomers, features, _colours_of(features), store)
            extension = _extend(comparison, scratch / "database.db")
        grown = _grow(comparison, extension)
        left_out += _diagnose(finished, extension.path, grown, [*unplaced, *(image.name for image in readable)])
        if not grown.registered:
            raise none_fits(finished, left_out)
        colour_points_of(grown.model, grown.new_points, _colours_by_name(comparison))
        _tell_of_places(finished, [each for each in readable if each.name in grown.registered])
        store_grown(finished, workspace, grown.model, _other_models(finished), extension)
        record_added(finished, workspace, gathered, grown.model, left_out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _outcome(workspace, grown.model, grown.registered, known, left_out, len(grown.new_points), start)


def _tell_of_places(finished: FinishedRun, images: Sequence[ImageFile]) -> None:
    """Say that photos from elsewhere are not where exports look for them."""
    folder = finished.run.photos
    if any(image.path.resolve() != (folder / image.name).resolve() for image in images):
        message = f"exports that take photos along look in {folder}: copy the new photos there for them, named the same"
        finished.run.note(message)


def _extract(finished: FinishedRun, gathered: Gathered) -> tuple[Mapping[str, Features], list[LeftOut]]:
    run = finished.run
    if run.team.extractor is None:
        return {}, []
    run.observer(StageStarted(stage="extract", total=len(gathered.new), summary=run.team.extractor.name))
    keys = Run.extracted_keys(run.team.extractor, run.plan.max_size, gathered.new)
    outcome = extract_features(gathered.new, keys, run.store, run.make_extraction, **run.parallel)
    readable = [image for image in gathered.new if image.name in outcome.num_keypoints]
    features = WithoutOverlays(readable, keys, run.store, run.make_extraction, run.overlays)
    return features, list(outcome.unreadable)


def _colours_of(features: Mapping[str, Features]) -> Callable[[str], UInt8Array]:
    return features.colours if isinstance(features, FeatureSet) else _no_colours


def _no_colours(name: str) -> UInt8Array:
    raise KeyError(name)


def _colours_by_name(comparison: Comparison) -> Callable[[str], UInt8Array | None]:
    known = comparison.finished.features

    def colours(name: str) -> UInt8Array | None:
        if name in comparison.newcomers:
            return comparison.colours(name)
        return known.colours(name) if isinstance(known, FeatureSet) and name in known else None

    return colours


def _extend(comparison: Comparison, target: Path) -> Extension:
    from recon.engine.appending import complete_from_model
    from recon.engine.database_extension import FurtherImage, extend_database

    model = comparison.finished.model
    images = [
        FurtherImage(name, each.camera, is_known_camera=each.camera.camera_id in model.cameras)
        for name, each in sorted(comparison.newcomers.items())
    ]

    def keypoints(name: str) -> FloatArray:
        return database_keypoints(comparison.features[name])

    database = comparison.finished.run.workspace.database
    extension = extend_database(database, target, images, keypoints, _pairs(comparison))
    complete_from_model(target, model)  # escalation gave photos more than the run's database has
    return extension


def _pairs(comparison: Comparison) -> Iterator[VerifiedPair]:
    from recon.engine.database import VerifiedPair

    for pair in comparison.pairs:
        yield VerifiedPair(pair, comparison.matches(pair), comparison.geometry(pair))


def _grow(comparison: Comparison, extension: Extension) -> GrownByPhotos:
    from recon.engine.adding import add_images, registered_names

    finished, run = comparison.finished, comparison.finished.run
    given = {each.camera.camera_id for each in comparison.newcomers.values() if each.is_calibrated}
    options = MappingOptions(
        threads=run.plan.threads,
        seed=run.plan.seed,
        fixed_camera_ids=frozenset(extension.camera_ids.get(camera_id, camera_id) for camera_id in given),
        should_stop=run.should_stop,
    )
    run.observer(StageStarted(stage="map", total=len(comparison.newcomers), summary="the model stays where it is"))
    elsewhere = {name for model in _other_models(finished) for name in registered_names(model)}
    names = {*finished.keypoints, *comparison.newcomers} - elsewhere
    grown = add_images(finished.model, extension.path, names, options, run.observer)
    if run.should_stop():
        raise Interrupted("stopped while photos were added; nothing was changed", try_="give the same command again")
    return grown


def _other_models(finished: FinishedRun) -> list[pycolmap.Reconstruction]:
    from recon.engine.models import read_model

    sparse = finished.run.workspace.sparse
    return [read_model(folder) for folder in sorted(sparse.glob("[1-9]*"), key=lambda folder: int(folder.name))]


def _diagnose(finished: FinishedRun, database: Path, grown: GrownByPhotos, names: Sequence[str]) -> list[LeftOut]:
    """Return why photos were left out, of these."""
    if set(names) <= set(grown.registered):
        return []
    from recon.engine.diagnosis import diagnose_left_out, read_match_record

    record = read_match_record(database, keypoints_from_pairs=finished.run.sees_pixels)
    command = replace(finished.run.command, photos=str(finished.run.photos))
    left_out = diagnose_left_out(record, [grown.model, *_other_models(finished)], command)
    return [each for each in left_out if each.image in names]


def _outcome(
    workspace: Workspace,
    model: pycolmap.Reconstruction,
    registered: tuple[str, ...],
    known: tuple[str, ...],
    left_out: Sequence[LeftOut],
    new_points: int,
    start: float,
) -> AddedPhotos:
    return AddedPhotos(
        workspace=workspace.path,
        registered=registered,
        known=known,
        left_out=tuple(sorted(left_out, key=lambda each: each.image)),
        num_registered=model.num_reg_images(),
        points3D=model.num_points3D(),
        new_points=new_points,
        mean_reprojection_error_px=float(model.compute_mean_reprojection_error()),
        seconds=time.perf_counter() - start,
    )
