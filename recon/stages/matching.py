"""The second stage: the pairs matched and verified, and the database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.data import Features, ImagePair, Matches
from recon.core.errors import Cause, NoModel, ReconError
from recon.core.events import StageStarted
from recon.matching.matches import Matching, PairKeys, match_pairs
from recon.matching.overlays import without_still
from recon.matching.upright import as_shown
from recon.run import Run
from recon.stages.look_alikes import assess_pairs
from recon.stages.pixels import MatchedBefore, match_pixels, without_progress
from recon.stages.record import finish, one_blas_thread
from recon.workspace import PairStore

if TYPE_CHECKING:
    from recon.engine.database import VerifiedPair


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
        if (overlay := run.overlay_keys.get(pair.name1)) and overlay == run.overlay_keys.get(pair.name2):
            matches = without_still(matches, features1, features2)
        return verify_pair(cameras[pair.name1], keypoints1, cameras[pair.name2], keypoints2, matches, run.verification)

    def make_matching() -> Matching:
        if run.sees_pixels:
            return Matching(MatchedBefore(), True, verify)
        matcher, is_thread_safe = run.create(run.team.matcher)
        files = {image.name: image for image in run.usable}
        return Matching(matcher, is_thread_safe, verify, lambda name, features: as_shown(features, files[name]))

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
        with one_blas_thread():
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
                lambda name: database_keypoints(run.features[name]),
                _stored_pairs(pairs, run.pair_keys, store),
                run.plan.camera.rigs,
            )
    facts = {
        "pairs": len(pairs),
        "verified": outcome.num_verified,
        "focal_sources": {str(camera.camera_id): str(camera.focal_source) for camera in run.grouping.cameras},
        "suspicious_pairs": assess_pairs(run),
    }
    finish(run, "match", run.match_key, facts, run.workspace.database)


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


def database_keypoints(features: Features) -> FloatArray:
    """Return (N, 4) x, y, scale, orientation where the extractor gave them, else (N, 2), as COLMAP keeps them."""
    if features.scales_px is None or features.orientations_rad is None:
        return features.keypoints
    return np.column_stack([features.keypoints, features.scales_px, features.orientations_rad])
