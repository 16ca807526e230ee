"""New photos and known ones, matched and verified, as a run would match them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recon.choice import key_of
from recon.core.arrays import UInt8Array
from recon.core.data import Features, ImagePair, Matches
from recon.core.events import Warned
from recon.matching.image_pairs import PositionKeys, match_image_pairs
from recon.matching.matches import Matching, PairKeys, match_pairs
from recon.matching.pair_keypoints import PairedPhotos, load_positions
from recon.newcomers.cameras import Newcomer
from recon.newcomers.finished_run import FinishedRun
from recon.newcomers.pairs import Joined, choose_pairs
from recon.run import MERGE_RADIUS_PX, Run
from recon.stages.pixels import MatchedBefore
from recon.workspace import PairStore

if TYPE_CHECKING:
    import pycolmap

    from recon.engine.two_view import VerifiedGeometry


NEAR_KNOWN_PX = 1.5
"""How near to a known keypoint an image matcher's position shows it, in a photo as the matcher saw it. Known keypoints
stay where the run merged them (within 0.5 px), and the positions of new pairs scatter around them: at 0.5 px one in
forty of them finds a point of the model."""


@dataclass(frozen=True)
class Comparison:
    """What matching new photos with known ones gave; it lies in `store`."""

    finished: FinishedRun
    newcomers: Mapping[str, Newcomer]
    pairs: Sequence[ImagePair]
    features: Mapping[str, Features]
    """Of the new photos, by name."""
    colours: Callable[[str], UInt8Array]
    """Returns (N, 3) RGB of a new photo's keypoints, by name."""
    store: PairStore

    def matches(self, pair: ImagePair) -> Matches:
        """Return the matches of a pair; none where they were damaged."""
        return self.store.load_matches(self.keys.matches(pair)) or Matches.none()

    def geometry(self, pair: ImagePair) -> VerifiedGeometry:
        """Return what verification left of a pair."""
        from recon.engine.two_view import VerifiedGeometry

        kept = self.store.load_geometry(self.keys.geometry(pair))
        return VerifiedGeometry.none() if kept is None else VerifiedGeometry.from_bytes(kept)

    def rows(self, name: str, *, verified: bool) -> dict[str, npt.NDArray[np.uint32]]:
        """Return the (M, 2) rows, in a new photo and in a photo of the model, of their matches, by the latter's name.

        Args:
            verified: Only those that survived verification.
        """
        rows = {}
        for pair in self.pairs:
            other = pair.name2 if pair.name1 == name else pair.name1
            if name in (pair.name1, pair.name2) and other in self.finished.registered:
                found = self.geometry(pair).inliers if verified else self.matches(pair).indices
                found = np.asarray(found, np.uint32).reshape(-1, 2)
                rows[other] = found if pair.name1 == name else found[:, ::-1]
        return rows

    @cached_property
    def keys(self) -> PairKeys:
        """The names of what becomes of each pair."""
        run = self.finished.run
        images = {**self.finished.photos, **{name: each.image for name, each in self.newcomers.items()}}
        if run.team.extractor is not None:
            features = Run.extracted_keys(run.team.extractor, run.plan.max_size, images.values())
        else:
            # The known photos' keypoints stay as the run merged them, whatever new photos come.
            how = [run.matcher_key, [[pair.name1, pair.name2] for pair in self.pairs]]
            features = {name: key_of("beside", how, *image.shown) for name, image in images.items()}
        return PairKeys(
            features=features,
            cameras={name: key_of(*_described(camera)) for name, camera in self._cameras.items()},
            matcher=run.matcher_key,
            verification=key_of(asdict(run.verification), metadata.version("pycolmap")),
        )

    @cached_property
    def _cameras(self) -> Mapping[str, pycolmap.Camera]:
        from recon.engine.database_contents import read_cameras

        cameras = read_cameras(self.finished.run.workspace.database)
        model = self.finished.model
        cameras |= {
            name: model.camera(model.image(image_id).camera_id) for name, image_id in self.finished.registered.items()
        }
        return {**cameras, **{name: each.camera for name, each in self.newcomers.items()}}

    def carry_out(self) -> None:
        """Bring the matches and the geometry of every pair into the store.

        Raises:
            Interrupted: After the pairs that were begun are stored.
        """
        from recon.engine.two_view import verify_pair

        run = self.finished.run

        def verify(pair: ImagePair, features1: Features, features2: Features, matches: Matches) -> VerifiedGeometry:
            camera1, camera2 = self._cameras[pair.name1], self._cameras[pair.name2]
            return verify_pair(camera1, features1.keypoints, camera2, features2.keypoints, matches, run.verification)

        def make_matching() -> Matching:
            if run.sees_pixels:
                return Matching(MatchedBefore(), True, verify)
            matcher, is_thread_safe = run.create(run.team.matcher)
            return Matching(matcher, is_thread_safe, verify)

        everybody = Joined(self.features, self.finished.features)
        match_pairs(self.pairs, everybody, self.keys, self.store, make_matching, **run.parallel)


def compare(
    finished: FinishedRun,
    newcomers: Sequence[Newcomer],
    features: Mapping[str, Features],
    colours: Callable[[str], UInt8Array],
    store: PairStore,
) -> Comparison:
    """Return new photos matched with known ones and with each other.

    Args:
        features: Of the new photos; empty where the matcher sees pixels: they then come from the pairs.
        colours: Returns those of their keypoints, by name.

    Raises:
        Interrupted: After the pairs that were begun are stored.
    """
    by_name = {each.image.name: each for each in newcomers}
    pairs = choose_pairs(finished, {name: each.image for name, each in by_name.items()}, features)
    pairs = _whose_features_fit(finished, pairs, by_name)
    if finished.run.sees_pixels:
        comparison = _match_pixels(finished, by_name, pairs, store)
    else:
        comparison = Comparison(finished, by_name, pairs, features, colours, store)
    comparison.carry_out()
    return comparison


def _whose_features_fit(
    finished: FinishedRun, pairs: Sequence[ImagePair], newcomers: Mapping[str, Newcomer]
) -> list[ImagePair]:
    """Return the pairs without photos that are no longer those of the model."""
    known = {name for pair in pairs for name in (pair.name1, pair.name2)} - set(newcomers)
    changed = {name for name in sorted(known) if not finished.fits_database(name)}
    if changed:
        message = f"{len(changed)} photos changed since the model was made, and go unused; the first: {min(changed)}"
        finished.run.observer(Warned(message=message, file=min(changed)))
    return [pair for pair in pairs if changed.isdisjoint((pair.name1, pair.name2))]


def _match_pixels(
    finished: FinishedRun, newcomers: Mapping[str, Newcomer], pairs: Sequence[ImagePair], store: PairStore
) -> Comparison:
    run = finished.run
    images = {**finished.photos, **{name: each.image for name, each in newcomers.items()}}
    photo_keys = {name: key_of(*image.shown) for name, image in images.items()}
    keys = PositionKeys(photo_keys, key_of(run.team.matcher.identity, run.plan.max_size))
    photos = PairedPhotos(images, pairs, keys, run.plan.max_size, MERGE_RADIUS_PX)
    match_image_pairs(pairs, images, keys, store, run.make_pixel_matching, **run.parallel)
    features, colours = {}, {}
    for name in newcomers:
        found = [load_positions(photos, pair, store, run.make_pixel_matching) for pair in photos.pairs_of[name]]
        features[name], colours[name] = photos.keypoints(name, found)
    comparison = Comparison(finished, newcomers, pairs, features, colours.__getitem__, store)
    everybody = Joined(features, finished.features)
    photos = replace(photos, radius_px=NEAR_KNOWN_PX)
    for pair in pairs:
        positions = load_positions(photos, pair, store, run.make_pixel_matching)
        matches = photos.matches(pair, positions, everybody[pair.name1], everybody[pair.name2])
        store.save_matches(comparison.keys.matches(pair), matches)
    return comparison


def _described(camera: pycolmap.Camera) -> tuple[object, ...]:
    return camera.model.name, camera.width, camera.height, camera.params.tolist(), camera.has_prior_focal_length
