"""The three stages of a run over one workspace: each makes its result, or goes on with what an earlier run left.

Each ends by recording in the manifest the key of what it made (see `recon.run`).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.components import Mapper, MappingOptions
from recon.core.data import Features, ImagePair, Matches
from recon.core.errors import Cause, Interrupted, NoModel, ReconError
from recon.core.events import StageStarted, Warned
from recon.matching.features import extract_features
from recon.matching.matches import Matching, PairKeys, match_pairs
from recon.pixel_stages import MatchedBefore, find_unreadable, match_pixels, without_progress
from recon.refining import refine_models
from recon.run import Run
from recon.workspace import PairStore, StageRecord

if TYPE_CHECKING:
    from recon.engine.database import VerifiedPair


def extract(run: Run) -> None:
    """Find the features of every photo; or see which photos can be read, where the matcher sees pixels."""
    Thread(target=import_module, args=("pycolmap",), name="import").start()  # needed next, and slow to load
    if run.team.extractor is None:
        run.observer(StageStarted(stage="extract", total=len(run.listing.images), summary="reading the photos"))
        with run.timed("extract"):
            unreadable = find_unreadable(run)
        _finish(run, "extract", run.extract_key, {"unreadable": [each.as_dict() for each in unreadable]})
        return
    summary = f"{run.team.extractor.name}, {run.plan.max_size} px, {run.plan.max_keypoints} keypoints"
    run.observer(StageStarted(stage="extract", total=len(run.listing.images), summary=summary))
    with run.timed("extract"), _one_blas_thread():
        outcome = extract_features(run.listing.images, run.feature_keys, run.store, run.make_extraction, **run.parallel)
    facts = {
        "keypoints": sum(outcome.num_keypoints.values()),
        "unreadable": [each.as_dict() for each in outcome.unreadable],
    }
    _finish(run, "extract", run.extract_key, facts)


def match(run: Run) -> None:
    """Match and verify the pairs, and write the database."""
    from recon.engine.database import make_camera, write_database
    from recon.engine.two_view import VerifiedGeometry, verify_pair

    _check_enough_photos(run)
    for line in run.grouping.describe():
        run.note(line)
    cameras = {name: make_camera(group) for group in run.grouping.cameras for name in group.image_names}

    def verify(pair: ImagePair, features1: Features, features2: Features, matches: Matches) -> VerifiedGeometry:
        keypoints1, keypoints2 = features1.keypoints, features2.keypoints
        return verify_pair(cameras[pair.name1], keypoints1, cameras[pair.name2], keypoints2, matches, run.verification)

    def make_matching() -> Matching:
        if run.sees_pixels:
            return Matching(MatchedBefore(), True, verify)
        matcher, is_thread_safe = run.create(run.team.matcher)
        return Matching(matcher, is_thread_safe, verify)

    with run.timed("pairs"):
        pairs = run.pairs
    run.observer(StageStarted(stage="match", total=len(pairs), summary=f"{run.team.matcher.name}, {len(pairs)} pairs"))
    parallel = run.parallel
    with run.open_pairs() as store:
        if run.sees_pixels:
            with run.timed("match"):
                match_pixels(run, store)
            parallel["observer"] = without_progress(run.observer)
        start = time.perf_counter()
        with _one_blas_thread():
            outcome = match_pairs(pairs, run.features, run.pair_keys, store, make_matching, **parallel)
        elapsed, busy = time.perf_counter() - start, outcome.match_seconds + outcome.verify_seconds
        # Both go on at the same time: the wall time is shared out as the threads' time was.
        run.seconds["verify"] = elapsed * outcome.verify_seconds / busy if busy else 0.0
        run.seconds["match"] = run.seconds.get("match", 0.0) + elapsed - run.seconds["verify"]
        with run.timed("write"):
            write_database(
                run.workspace.database,
                run.grouping.cameras,
                run.usable,
                lambda name: _database_keypoints(run.features[name]),
                _stored_pairs(pairs, run.pair_keys, store),
            )
    facts = {"pairs": len(pairs), "verified": outcome.num_verified}
    _finish(run, "match", run.match_key, facts, run.workspace.database)


def map_models(run: Run) -> None:
    """Grow the models from the database, and write them with the best one's points.

    Raises:
        NoModel: No model came of it; says why.
        Interrupted: The models that were there by then are written.
    """
    from recon.engine.diagnosis import diagnose_left_out, explain_no_model, read_match_record
    from recon.engine.models import finish_swap, order_models, write_models
    from recon.output.colours import colour_points
    from recon.output.ply import write_ply
    from recon.output.summary import summarise

    workspace = run.workspace
    finish_swap(workspace.path)
    run.observer(StageStarted(stage="map", total=len(run.usable), summary=run.team.mapper.name))
    checkpoint = workspace.cache / "mapping" / run.map_key[:16]
    options = MappingOptions(
        threads=run.plan.threads,
        seed=run.plan.seed,
        min_model_size=min(3, len(run.usable)),
        fixed_camera_ids=run.fixed_camera_ids,
        checkpoint_dir=checkpoint,
        should_stop=run.should_stop,
    )
    mapper: Mapper = run.team.mapper.create(run.plan.threads, run.note)
    with run.timed("map"):
        grown = mapper.map(workspace.database, options, run.observer)
    models = order_models([model for model in grown if model.num_reg_images() >= options.min_model_size])
    is_stopped = run.should_stop()
    if not is_stopped:
        models = order_models(list(refine_models(run, models, options)))
        is_stopped = run.should_stop()
    with run.timed("write"):
        record = read_match_record(workspace.database)
        facts = {
            "numbers": {"models": len(models), **(summarise(models[0]).as_dict() if models else {})},
            "left_out": [each.as_dict() for each in diagnose_left_out(record, models)],
        }
        if not models and not is_stopped:
            _finish(run, "map", run.no_model_key, facts)
            if workspace.sparse.exists():
                run.observer(Warned(message=f"{workspace.sparse} still holds the model of an earlier run"))
            raise explain_no_model(workspace.database, record)
        if models and not (is_stopped and _has_better_partial(run, facts)):
            for model in models:
                colour_points(model, run.features.colours)
            write_models(models, workspace.path)
            write_ply(models[0], workspace.points)
            key = run.unfinished_map_key if is_stopped else run.map_key
            _finish(run, "map", key, facts, workspace.sparse, workspace.points)
    if is_stopped:
        raise Interrupted("stopped while mapping")
    shutil.rmtree(checkpoint.parent, ignore_errors=True)


def _has_better_partial(run: Run, facts: Mapping[str, Any]) -> bool:
    record = run.workspace.finished_stage("map", run.unfinished_map_key)
    return record is not None and record.facts["numbers"]["registered"] > facts["numbers"]["registered"]


def _check_enough_photos(run: Run) -> None:
    if len(run.usable) < 2:
        raise NoModel(
            f"{len(run.usable)} photos can be used, and a model needs at least 2",
            code=Cause.TOO_FEW_PHOTOS if run.usable else Cause.NO_USABLE_PHOTO,
            try_="add photos that overlap by two thirds",
        )


def _stored_pairs(pairs: Sequence[ImagePair], keys: PairKeys, store: PairStore) -> Iterator[VerifiedPair]:
    from recon.engine.database import VerifiedPair
    from recon.engine.two_view import VerifiedGeometry

    for pair in pairs:
        matches, geometry = store.load_matches(keys.matches(pair)), store.load_geometry(keys.geometry(pair))
        if matches is None or geometry is None:
            raise ReconError(
                f"the kept matches of {pair.name1} and {pair.name2} were damaged while the run went on",
                code=Cause.CORRUPT_FILE,
                file="pairs.db",
                try_="give the same command again: it makes them anew",
            )
        yield VerifiedPair(pair, matches, VerifiedGeometry.from_bytes(geometry))


def _database_keypoints(features: Features) -> FloatArray:
    """Return (N, 4) x, y, scale, orientation where the extractor gave them, else (N, 2), as COLMAP keeps them."""
    if features.scales_px is None or features.orientations_rad is None:
        return features.keypoints
    return np.column_stack([features.keypoints, features.scales_px, features.orientations_rad])


def _finish(run: Run, stage: str, key: str, facts: Mapping[str, Any], *files: Path) -> None:
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    spent = {"extract": ("extract",), "match": ("pairs", "match", "verify", "write"), "map": ("map", "refine")}[stage]
    seconds = {name: round(run.seconds.get(name, 0.0), 3) for name in spent}
    record = StageRecord(key, seconds, finished, run.workspace.digests(*files), facts)
    run.workspace.record_stage(stage, record)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Keep numpy's own threads out of the way while every core has a worker already."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
