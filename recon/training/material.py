"""From folders of photos and a number of scenes to pairs to train on, and others to validate with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recon.choice import Choice, key_of
from recon.core.errors import Cause, ReconError
from recon.core.events import Observer, Progress, StageStarted, Warned
from recon.learning.annotate import AnnotatedPhoto
from recon.learning.annotating import Annotating, annotate
from recon.learning.homographies import HomographySource, WarpOptions
from recon.learning.mixing import MixedSource, held_out
from recon.learning.model_tracks import tracks_of
from recon.learning.photo_folders import PhotoFolder, open_photo_folder
from recon.learning.samples import PairSource
from recon.learning.tracks import TrackedPair, TrackSource, pairs_of_tracks
from recon.training.request import DataRequest, Mix

_LEAST_PHOTOS = 4
_LEAST_KEYPOINTS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Pairs to train on and to validate with, by kind: homographies, tracks, scenes."""

    training: Mapping[str, PairSource]
    validation: Mapping[str, PairSource]
    counts: Mapping[str, int]
    """How many photos, pairs of photos, scenes."""
    teacher_length: int = 0
    """How many values the teacher's descriptors have; 0 where they are not wanted."""
    held_out_pairs: Sequence[TrackedPair] = ()
    """Of photos at least one of which is put aside."""

    def mixed(self, mix: Mix) -> MixedSource:
        """Return one source of all kinds.

        Raises:
            ReconError: TOO_FEW_PHOTOS, nothing is left of the kinds that are wanted.
        """
        shares = {name: share for name in self.training if (share := getattr(mix, name)) > 0}
        if not shares:
            raise ReconError(
                f"the data give no pairs of the kinds that are wanted, only {', '.join(self.training) or 'none'}",
                code=Cause.TOO_FEW_PHOTOS,
                try_="give photos that overlap with their model, or change the mix",
            )
        return MixedSource([self.training[name] for name in shares], list(shares.values()))


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """What is trained on, or what is validated with."""

    photos: list[AnnotatedPhoto]
    pairs: list[TrackedPair]


def open_folders(folders: Sequence[Path], threads: int, observer: Observer) -> list[PhotoFolder]:
    """Return what folders hold.

    Raises:
        UsageError: MISSING_FILE.
        ReconError: NO_PHOTOS; TOO_FEW_PHOTOS in all of them together.
    """
    opened = [open_photo_folder(each, threads) for each in folders]
    for folder in opened:
        for photo in folder.unusable:
            observer(Warned(message=f"{photo.image} is left out: {photo.detail}", file=photo.image))
    count = sum(len(each.images) for each in opened)
    if opened and count < _LEAST_PHOTOS:
        raise ReconError(
            f"{count} photos are too few to train on",
            code=Cause.TOO_FEW_PHOTOS,
            file=str(folders[0]),
            try_=f"give at least {_LEAST_PHOTOS}; some hundred of many things teach something",
        )
    return opened


def gather(
    request: DataRequest,
    folders: Sequence[PhotoFolder],
    teacher: Choice,
    warps: Mapping[str, Any],
    seed: int,
    cache: Path,
    threads: int,
    observer: Observer,
    should_stop: Callable[[], bool],
) -> Material:
    """Return pairs of every kind that the data give.

    Raises:
        Interrupted: `should_stop` said so; what the teacher saw by then is kept.
        ReconError: FEW_KEYPOINTS, DISK_FULL, MISSING_WEIGHTS, ...
    """
    options = WarpOptions(size=request.crop, **warps)
    how = Annotating(teacher, request.with_descriptors, request.size, cache / "annotations", threads)
    training, validation = _Half([], []), _Half([], [])
    for folder in folders:
        _add_folder(folder, how, request.held_out_every, training, validation, observer, should_stop)
    if folders and not training.photos:
        raise ReconError(
            f"{teacher.name} finds too few keypoints in these photos to teach anything",
            code=Cause.FEW_KEYPOINTS,
            file=str(folders[0].photos),
            try_="give photos with more detail, or another teacher",
        )
    sources = [_sources(half, options) for half in (training, validation)]
    counts = {
        "photos": len(training.photos),
        "pairs": len(training.pairs),
        "held_out_photos": len(validation.photos),
        "held_out_pairs": len(validation.pairs),
    }
    if request.scenes:
        for half, scenes in zip(
            sources, _scene_sources(request, teacher, options, seed, cache, threads, observer, should_stop), strict=True
        ):
            half["scenes"] = scenes
        counts["scenes"] = request.scenes
    some = sources[0]["scenes"] if request.scenes else sources[0]["homographies"]
    length = some.sample(np.random.default_rng(0)).teacher1.shape[1]
    return Material(sources[0], sources[1], counts, length, validation.pairs)


def _add_folder(
    folder: PhotoFolder,
    how: Annotating,
    every: int,
    training: _Half,
    validation: _Half,
    observer: Observer,
    should_stop: Callable[[], bool],
) -> None:
    """Look at the photos of a folder; a pair with a photo that is put aside is put aside."""
    found = [
        photo for photo in annotate(folder, how, observer, should_stop) if len(photo.keypoints) >= _LEAST_KEYPOINTS
    ]
    kept, aside = held_out(found, every)
    training.photos.extend(kept)
    validation.photos.extend(aside)
    if folder.model is None:
        return
    names = {photo.name for photo in aside}
    tracks = tracks_of(folder.model, folder.images, how.size)
    for pair in pairs_of_tracks({photo.name: photo for photo in found}, tracks):
        is_aside = pair.photo1.name in names or pair.photo2.name in names
        (validation if is_aside else training).pairs.append(pair)


def _sources(half: _Half, options: WarpOptions) -> dict[str, PairSource]:
    sources: dict[str, PairSource] = {}
    if half.photos:
        sources["homographies"] = HomographySource(half.photos, options)
    if half.pairs:
        sources["tracks"] = TrackSource(half.pairs, options)
    return sources


def _scene_sources(
    request: DataRequest,
    teacher: Choice,
    options: WarpOptions,
    seed: int,
    cache: Path,
    threads: int,
    observer: Observer,
    should_stop: Callable[[], bool],
) -> tuple[PairSource, PairSource]:
    """Return views of the scenes to train on, and of those put aside."""
    from recon.learning.scene_cache import RenderOptions, prepare_scenes
    from recon.learning.scene_studio import Teacher
    from recon.learning.scenes import SceneSource, view_pairs

    render = RenderOptions(views=request.scene_views, size=request.scene_size, seed=seed % 2**31)
    folder = request.scene_cache or cache / "scenes"
    observer(StageStarted(stage="render", total=request.scenes * render.views, summary=f"{request.scenes} scenes"))
    extractor = Teacher(
        teacher.create(threads, lambda text: None), key_of(teacher.identity), with_descriptors=request.with_descriptors
    )

    def tell(done: int, total: int) -> None:
        observer(Progress(stage="render", done=done, total=total))

    scenes = prepare_scenes(
        folder, request.scenes, extractor, render, threads=threads, progress=tell, should_stop=should_stop
    )
    kept, aside = held_out(scenes, request.held_out_every)
    every = view_pairs(scenes)
    trained = [pair for pair in every if pair.scene in kept] or every
    measured = [pair for pair in every if pair.scene in aside] or every
    return SceneSource(trained, options), SceneSource(measured, options)
