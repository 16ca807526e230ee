"""The first stage: the features of every photo."""

from __future__ import annotations

from importlib import import_module
from threading import Thread
from typing import Any

from recon.core.events import StageStarted
from recon.matching.features import extract_features
from recon.run import Run
from recon.stages.overlays import find_overlays
from recon.stages.pixels import find_unreadable
from recon.stages.record import finish, one_blas_thread


def extract(run: Run) -> None:
    """Find the features of every photo; or see which photos can be read, where the matcher sees pixels."""
    Thread(target=import_module, args=("pycolmap",), name="import").start()  # needed next, and slow to load
    if run.team.extractor is None:
        run.observer(StageStarted(stage="extract", total=len(run.listing.images), summary="reading the photos"))
        with run.timed("extract"):
            unreadable = find_unreadable(run)
        facts: dict[str, Any] = {"unreadable": [each.as_dict() for each in unreadable], "photos": run.photo_keys}
        finish(run, "extract", run.extract_key, facts)
        return
    summary = f"{run.team.extractor.name}, {run.plan.max_size} px, {run.plan.max_keypoints} keypoints"
    run.observer(StageStarted(stage="extract", total=len(run.listing.images), summary=summary))
    with run.timed("extract"), one_blas_thread():
        outcome = extract_features(run.listing.images, run.feature_keys, run.store, run.make_extraction, **run.parallel)
    facts = {
        "keypoints": sum(outcome.num_keypoints.values()),
        "unreadable": [each.as_dict() for each in outcome.unreadable],
        "overlays": find_overlays(run, outcome.num_keypoints),
        "photos": run.photo_keys,
    }
    finish(run, "extract", run.extract_key, facts)
