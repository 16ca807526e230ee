"""How pairs are matched and verified again: as in a run, with the patience that few pairs allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING

from recon.choice import Choice, key_of
from recon.core.data import Features, ImagePair, Matches
from recon.matching.matches import Matching, PairKeys, match_pairs
from recon.matching.overlays import without_still
from recon.matching.upright import as_shown
from recon.run import Run
from recon.stages.record import one_blas_thread

if TYPE_CHECKING:
    from recon.engine.two_view import VerificationOptions, VerifiedGeometry

Found = dict[tuple[str, str], tuple[Matches, "VerifiedGeometry"]]


@dataclass(frozen=True, slots=True)
class Material:
    """What is matched: features by photo, their keys, and the matcher."""

    features: Mapping[str, Features]
    keys: Mapping[str, str]
    matcher: Choice


def match_again(run: Run, pairs: Sequence[ImagePair], material: Material, seed: int) -> Found:
    """Return the matches and the geometry of every pair, by names; what the run's store holds is not done again.

    Args:
        seed: Of the verification.

    Raises:
        Interrupted: The pairs that were compared by then are kept.
    """
    from recon.engine.two_view import VerifiedGeometry

    verification = _patient(run.verification, seed)
    keys = PairKeys(
        features=material.keys,
        cameras=run.pair_keys.cameras,
        matcher=key_of(material.matcher.identity),
        verification=key_of(asdict(verification), metadata.version("pycolmap")),
    )
    found: Found = {}
    with run.open_pairs() as store, one_blas_thread():
        make = _make_matching(run, material, verification)
        match_pairs(pairs, material.features, keys, store, make, **run.parallel)
        for pair in pairs:
            matches, stored = store.load_matches(keys.matches(pair)), store.load_geometry(keys.geometry(pair))
            if matches is not None and stored is not None:
                found[pair.name1, pair.name2] = (matches, VerifiedGeometry.from_bytes(stored))
    return found


def _make_matching(run: Run, material: Material, verification: VerificationOptions) -> Callable[[], Matching]:
    from recon.engine.database import make_camera
    from recon.engine.two_view import verify_pair

    cameras = {name: make_camera(group) for group in run.grouping.cameras for name in group.image_names}
    files = {image.name: image for image in run.usable}

    def verify(pair: ImagePair, features1: Features, features2: Features, matches: Matches) -> VerifiedGeometry:
        if (overlay := run.overlay_keys.get(pair.name1)) and overlay == run.overlay_keys.get(pair.name2):
            matches = without_still(matches, features1, features2)
        points1, points2 = features1.keypoints, features2.keypoints
        return verify_pair(cameras[pair.name1], points1, cameras[pair.name2], points2, matches, verification)

    def make() -> Matching:
        matcher, is_thread_safe = run.create(material.matcher)
        return Matching(matcher, is_thread_safe, verify, lambda name, features: as_shown(features, files[name]))

    return make


def _patient(verification: VerificationOptions, seed: int) -> VerificationOptions:
    """Return pycolmap's own patience with wrong matches; twice the inliers, since among more some fit by chance."""
    return replace(verification, min_num_inliers=30, max_num_trials=10_000, dyn_num_trials_multiplier=3.0, seed=seed)
