"""One run: its plan, its team, its workspace, and the key of every result.

A key is computed from everything that determines a result. The manifest records the key of a stage when it
is done, so that the same command finds nothing to do, and another one redoes what its options change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.choice import Choice, Team, key_of
from recon.core.commands import RunCommand
from recon.core.components import PairSelector
from recon.core.data import ImageFile, ImagePair
from recon.core.events import Noted, Observer
from recon.core.executor import PoolFactory, thread_pool
from recon.matching.cameras import CameraGrouping, group_cameras
from recon.matching.extraction import Extraction
from recon.matching.features import FeatureSet
from recon.matching.image_pairs import PixelMatching, PositionKeys
from recon.matching.images import ImageListing, list_images
from recon.matching.masks import with_masks
from recon.matching.matches import PairKeys
from recon.matching.overlays import Overlay, WithoutOverlays
from recon.matching.pair_keypoints import MergedAgain, PairedPhotos
from recon.plan import Plan, PriorPosesUse
from recon.stages.pair_choice import FOR_PAIRS_SIZE, pairs_of
from recon.stages.prior_poses import key_of_poses, read_prior_poses
from recon.workspace import FeatureStore, PairStore, StageRecord, Workspace

if TYPE_CHECKING:
    from recon.engine.two_view import VerificationOptions
    from recon.evaluation.truth import Pose

MERGE_RADIUS_PX = 0.5
"""Positions this close in a photo as the image matcher saw it may be one keypoint. Larger ones make tracks longer and
places worse: on lund_door with xfeat-star 0.25, 0.5, 1, 1.5 and 2.5 px gave tracks of 5.0, 5.2, 5.9, 6.4 and 5.5 photos
at 0.63, 0.65, 0.76, 0.94 and 1.24 px."""


@dataclass(frozen=True)
class Run:
    """What every stage of one run needs to know."""

    plan: Plan
    team: Team
    workspace: Workspace
    photos: Path
    observer: Observer
    should_stop: Callable[[], bool]
    make_pool: PoolFactory = thread_pool
    video: Path | None = None
    """Where the photos are its frames."""
    command: RunCommand = RunCommand()  # noqa: RUF009 - frozen
    """What the user typed, from which the next commands are made."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time of each stage that did something."""

    @cached_property
    def listing(self) -> ImageListing:
        """The photos, and those that cannot be used."""
        with self.timed("list"), ThreadPoolExecutor(self.plan.threads) as pool:
            listing = list_images(self.photos, self.plan.image_list, pool)
            return listing if self.plan.masks is None else with_masks(listing, self.photos, self.plan.masks, pool)

    @cached_property
    def store(self) -> FeatureStore:
        """The features on disk, and the few held in memory."""
        return FeatureStore(self.workspace.cache / "features")

    @property
    def sees_pixels(self) -> bool:
        """Whether the matcher sees pixels, and keypoints come from the pairs."""
        return self.team.extractor is None

    @cached_property
    def feature_keys(self) -> dict[str, str]:
        """The key of each photo's features, by name."""
        if self.team.extractor is not None:
            return self.extracted_keys(self.team.extractor, self.plan.max_size, self.listing.images)
        how = key_of("merged", self.extract_key, self.pairs_key, self.matcher_key)
        return {image.name: key_of(how, image.name) for image in self.usable}

    @cached_property
    def extract_key(self) -> str:
        """The key of the whole extract stage; where the matcher sees pixels, it finds out which photos can be read."""
        return key_of("photos", self.photo_keys) if self.sees_pixels else key_of("extract", self.feature_keys)

    @cached_property
    def photo_keys(self) -> dict[str, str]:
        """The key of what each photo shows, by name."""
        return {image.name: key_of(*image.shown) for image in self.listing.images}

    @cached_property
    def usable(self) -> list[ImageFile]:
        """The photos whose features are there; known once the extract stage is on record."""
        unreadable = {each["image"] for each in self.record("extract").facts["unreadable"]}
        return [image for image in self.listing.images if image.name not in unreadable]

    @cached_property
    def overlays(self) -> tuple[Overlay, ...]:
        """What is left out of photos of some sizes since it stands still; known once the extract stage is on record."""
        if self.plan.keep_overlays or self.sees_pixels:
            return ()
        return tuple(Overlay.from_dict(each) for each in self.record("extract").facts.get("overlays", ()))

    @cached_property
    def overlay_keys(self) -> dict[str, str]:
        """The key of the overlay of each photo that has one, by name."""
        keys = {overlay.image_size: key_of(overlay.as_dict()) for overlay in self.overlays}
        sizes = {image.name: (image.width, image.height) for image in self.usable} if keys else {}
        return {name: keys[size] for name, size in sizes.items() if size in keys}

    @cached_property
    def grouping(self) -> CameraGrouping:
        """Which photos share a camera."""
        return group_cameras(self.usable, self.plan.camera)

    @cached_property
    def pairs_key(self) -> str:
        """The key of the list of pairs."""
        if self.plan.pairs_file is not None:
            names = [image.name for image in self.usable]
            return key_of("pairs-file", self.plan.pairs_file.read_bytes().hex(), names)
        choice, scout = self.team.pairs, self.team.pairs_extractor
        how = [FOR_PAIRS_SIZE, scout.identity] if scout else None
        exif = [[image.name, asdict(image.exif)] for image in self.usable]  # sequences go by time, others by place
        seen = [self.overlay_keys] if self.overlay_keys else []
        return key_of("pairs", choice.identity if choice else None, how, self.extract_key, exif, *seen)

    @cached_property
    def pairs(self) -> list[ImagePair]:
        """The pairs to match."""
        return pairs_of(self)

    @cached_property
    def matcher_key(self) -> str:
        """The key of how a pair is matched."""
        identity = self.team.matcher.identity
        if self.sees_pixels:
            return key_of(identity, self.plan.max_size, MERGE_RADIUS_PX)
        return key_of(identity, "keypoints as shown")  # they once were as stored

    @cached_property
    def paired_photos(self) -> PairedPhotos:
        """The photos and pairs, where keypoints come from the pairs."""
        keys = PositionKeys(self.photo_keys, key_of(self.team.matcher.identity, self.plan.max_size))
        images = {image.name: image for image in self.usable}
        return PairedPhotos(images, self.pairs, keys, self.plan.max_size, MERGE_RADIUS_PX)

    @cached_property
    def verification(self) -> VerificationOptions:
        """When the matches of a pair count as one rigid scene."""
        from recon.engine.two_view import VerificationOptions

        return VerificationOptions(seed=self.plan.seed)

    @cached_property
    def pair_keys(self) -> PairKeys:
        """The keys of what becomes of each pair."""
        cameras = {
            name: key_of(camera.model, camera.width, camera.height, camera.params, camera.has_prior_focal_length)
            for camera in self.grouping.cameras
            for name in camera.image_names
        }
        return PairKeys(
            features={**self.feature_keys, **self._keys_without_overlays},
            cameras=cameras,
            matcher=self.matcher_key,
            verification=key_of(asdict(self.verification), metadata.version("pycolmap")),
        )

    @cached_property
    def match_key(self) -> str:
        """The key of the database."""
        keys = self.pair_keys
        cameras = [[camera.camera_id, camera.image_names] for camera in self.grouping.cameras]
        how = [keys.matcher, keys.verification, "strict" if self.plan.strict else "lenient"]
        how += [key_of(self.overlay_keys)] if self.overlay_keys else []
        how += [key_of("rigs", self.plan.camera.rigs.read_bytes().hex())] if self.plan.camera.rigs else []
        return key_of("match", self.extract_key, self.pairs_key, keys.cameras, cameras, *how)

    @cached_property
    def map_key(self) -> str:
        """The key of the models."""
        refiner = self.team.refiner.identity if self.team.refiner else None
        fixed = sorted(self.fixed_camera_ids)
        how = [refiner, self.plan.seed, fixed, self.plan.world, self.plan.gps_prior, self.plan.escalate, "turns"]
        how += [choice.identity for choice in self.team.attention or ()]
        if self.prior_poses is not None:
            how.append(key_of_poses(self.prior_poses, self.plan.prior_poses_use))
        return key_of("map", self.match_key, self.team.mapper.identity, how)

    @cached_property
    def prior_poses(self) -> Mapping[str, Pose] | None:
        """The poses that are known before, by photo; None where none were given."""
        if self.plan.prior_poses is None:
            return None
        return read_prior_poses(self.plan.prior_poses, self.listing.images, self.observer)

    @property
    def keeps_poses(self) -> bool:
        """Whether the poses that are known before are not to change."""
        return self.plan.prior_poses is not None and self.plan.prior_poses_use is PriorPosesUse.TRIANGULATE

    @property
    def unfinished_map_key(self) -> str:
        """The key of the best models that were there when mapping was interrupted."""
        return f"unfinished {self.map_key}"

    @property
    def no_model_key(self) -> str:
        """The key of a mapping that ended without a model; it is tried again the next time."""
        return f"no model {self.map_key}"

    @cached_property
    def fixed_camera_ids(self) -> frozenset[int]:
        """Cameras whose intrinsics the user gave."""
        return frozenset(camera.camera_id for camera in self.grouping.cameras if camera.is_fixed)

    @cached_property
    def features(self) -> FeatureSet:
        """The features of the usable photos, read when they are asked for."""
        make = self._make_merging if self.sees_pixels else self.make_extraction
        return WithoutOverlays(self.usable, self.feature_keys, self.store, make, self.overlays)

    @property
    def did_nothing(self) -> bool:
        """Whether everything was there already."""
        return not set(self.seconds) - {"list"}

    @property
    def is_extracted(self) -> bool:
        """Whether the features of every photo are on record."""
        return self.workspace.finished_stage("extract", self.extract_key) is not None

    @property
    def is_matched(self) -> bool:
        """Whether the database is the one that this run would make."""
        return self.is_extracted and self.workspace.finished_stage("match", self.match_key) is not None

    @property
    def is_mapped(self) -> bool:
        """Whether the models are those that this run would make."""
        return self.is_matched and self.workspace.finished_stage("map", self.map_key) is not None

    def record(self, stage: str) -> StageRecord:
        """Return what the manifest says of a stage that is done."""
        return self.workspace.manifest.stages[stage]

    def note(self, message: str) -> None:
        """Tell the user of a choice."""
        self.observer(Noted(message=message))

    def make_extraction(self) -> Extraction:
        """Build the extractor.

        Raises:
            ValueError: The matcher sees pixels, and there is none.
        """
        if self.team.extractor is None:
            raise ValueError("keypoints come from the pairs")
        extractor, is_thread_safe = self.create(self.team.extractor)
        return Extraction(extractor, self.plan.max_size, is_thread_safe)

    def make_pixel_matching(self) -> PixelMatching:
        """Build the image matcher."""
        matcher, is_thread_safe = self.create(self.team.matcher)
        return PixelMatching(matcher, self.plan.max_size, is_thread_safe)

    def open_pairs(self) -> PairStore:
        """Open what is kept of each pair."""
        return PairStore(self.workspace.cache / "pairs.db", self.observer)

    @property
    def _keys_without_overlays(self) -> dict[str, str]:
        return {name: key_of(self.feature_keys[name], overlay) for name, overlay in self.overlay_keys.items()}

    def _make_merging(self) -> MergedAgain:
        return MergedAgain(self.paired_photos, self.open_pairs, self.make_pixel_matching)

    @staticmethod
    def extracted_keys(choice: Choice, max_size: int, images: Iterable[ImageFile]) -> dict[str, str]:
        """Return the key of the features that an extractor finds in each photo, by name."""
        how = key_of(choice.identity, max_size)
        return {image.name: key_of(how, *image.shown) for image in images}

    def create_pair_selector(self) -> PairSelector:
        """Build the pair selector; none is chosen where the pairs come from a file.

        Raises:
            ValueError: The pairs come from a file.
        """
        if self.team.pairs is None:
            raise ValueError("the pairs come from a file")
        selector: PairSelector = self.team.pairs.create(self.plan.threads, self.note)
        return selector

    def create(self, choice: Choice) -> tuple[Any, bool]:
        """Return a component, and whether several threads call it; then each call has one thread to itself."""
        return choice.create_for_host(self.plan.threads, self.note)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's wall time to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    @property
    def parallel(self) -> dict[str, Any]:
        """How per-photo and per-pair work is done."""
        return {
            "threads": self.plan.threads,
            "observer": self.observer,
            "should_stop": self.should_stop,
            "make_pool": self.make_pool,
        }
