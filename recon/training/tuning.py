"""Tunes a network to some photos: their own model says what is the same place, held-out photos whether it helped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

import recon
from recon.core.data import ImagePair
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.events import Announcer, Noted, Observer, Progress, StageStarted
from recon.core.executor import never
from recon.core.registry import PluginRegistry
from recon.event_log import write_events
from recon.learning.homographies import HomographySource
from recon.learning.photo_folders import PhotoFolder, open_photo_folder
from recon.learning.run_folder import RunFolder, open_run_folder
from recon.learning.run_record import State
from recon.learning.tracks import TrackedPair, TrackSource
from recon.training.carrying_out import settled, train_on, warps_of
from recon.training.held_out_matching import Matching, judge, match_pairs, views_of
from recon.training.material import Material, gather
from recon.training.networks import BuiltNetwork, build_network, pretrained_request, told_of_network
from recon.training.reconstructing import Reconstructing, reconstruct_into
from recon.training.recording import recorded, summary_of, versions
from recon.training.request import TrainRequest
from recon.training.teachers import choose_student
from recon.workspace.atomic import replacing, storage_errors

TUNED = "tuned.safetensors"
"""The best weights of the training, whether or not they are better than those that it began with."""
_LEAST_PAIRS = 4
_MOST_MEASURED = 60
_LEAST_COMMON_POINTS = 30


@dataclass(frozen=True, slots=True)
class TuneRequest:
    """What a tuning is asked for."""

    photos: Path
    """Photos, a workspace, or a COLMAP model with its photos."""
    training: TrainRequest
    """Its data and its start are found by the tuning."""
    reconstructing: Reconstructing = field(default_factory=Reconstructing)


def tune(
    request: TuneRequest,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> dict[str, Any]:
    """Tune a network, going on from where an earlier call stopped, and return what came of it.

    Raises:
        UsageError: An unknown plugin, option or folder, a bad value, an output folder of something else.
        NoModel: The photos have too little in common.
        ReconError: TOO_FEW_PHOTOS, MISSING_WEIGHTS, BAD_WEIGHTS, DISK_FULL, ...
        Interrupted: `should_stop` said so.
    """
    observers = list(observers)
    if request.training.machine.devices > 1:
        raise UsageError("a tuning is too short for several GPUs", code=Cause.USAGE, try_="leave --gpus out")
    announce = Announcer([*observers, *registry.observers()])
    training = settled(request.training, registry)
    training = replace(training, network=pretrained_request(training.network, registry))
    asked_network = told_of_network(training.network, registry)
    # Weights that do not fit are refused before photos are reconstructed.
    network = build_network(training.network, registry, training.machine.device, training.settings.seed)
    given = open_photo_folder(request.photos, training.machine.threads)
    request = replace(request, training=training)
    with open_run_folder(
        training.output,
        "tune",
        {"network": asked_network, **_asked(request, given)},
        recon.__version__,
        fresh=training.is_fresh,
    ) as folder:
        if folder.is_finished:
            announce(Noted(message=f"nothing to do: {folder.path} holds this training already (--fresh redoes it)"))
            return summary_of(folder)
        with recorded(folder, should_stop):
            photos = given
            if given.model is None:
                workspace = folder.path / "reconstruction"
                how = replace(request.reconstructing, threads=training.machine.threads)
                reconstruct_into(given.photos, workspace, how, registry, observers, should_stop)
                photos = open_photo_folder(workspace, training.machine.threads)
            with storage_errors(folder.path), write_events(folder.events) as log:
                _tune(request, network, photos, folder, registry, Announcer([announce, log]), should_stop)
        return summary_of(folder)


def _asked(request: TuneRequest, given: PhotoFolder) -> dict[str, Any]:
    training = request.training
    data = asdict(training.data)
    how = asdict(request.reconstructing)
    return {
        "data": {name: data[name] for name in ("max_keypoints", "size", "crop", "mix", "held_out_every")},
        "photos": given.digest,
        "reconstruction": None if given.model else {name: how[name] for name in ("extractor", "preset", "seed")},
        "settings": training.settings.as_dict(),
        "losses": training.losses,
        "warps": training.warps,
    }


def _tune(
    request: TuneRequest,
    network: BuiltNetwork,
    photos: PhotoFolder,
    folder: RunFolder,
    registry: PluginRegistry,
    observer: Observer,
    should_stop: Callable[[], bool],
) -> None:
    training = request.training
    start = training.network.start
    assert start is not None  # `tune` found it

    def note(text: str) -> None:
        observer(Noted(message=text))

    material = gather(
        training.data,
        [photos],
        choose_student(training, start, training.data.max_keypoints, registry, note),
        training.warps,
        training.settings.seed,
        folder.cache,
        training.machine.threads,
        observer,
        should_stop,
    )
    _check_enough(material, photos)
    folder.record(
        versions=versions(),
        counts=dict(material.counts),
        parameters=network.num_parameters,
        folders=[str(request.photos)],
    )
    tuned = folder.path / TUNED

    def save(module: nn.Module) -> None:
        network.save(module, tuned)

    to_stop_by, to_judge_by = _halves(material)
    held_out = replace(material, validation={"tracks": TrackSource(to_stop_by, warps_of(training))})
    trained = train_on(training, network, held_out, folder, observer, should_stop, save)
    if not trained.is_finished:
        folder.record(state=State.PAUSED)
        return
    pairs = _measured_pairs(to_judge_by)
    report = _report(start, tuned, training, photos, pairs, registry, observer, should_stop)
    with storage_errors(folder.path), replacing(folder.weights) as temporary:
        shutil.copyfile(tuned if report["is_better"] else start, temporary)
    folder.record(state=State.FINISHED, stopped_early=trained.stopped_early, report=report)


def _check_enough(material: Material, photos: PhotoFolder) -> None:
    for what, count in (("to train on", "pairs"), ("to judge by", "held_out_pairs")):
        if material.counts[count] < _LEAST_PAIRS:
            raise ReconError(
                f"{material.counts[count]} pairs of these photos have enough points in common {what}, "
                f"and {_LEAST_PAIRS} are needed",
                code=Cause.TOO_FEW_PHOTOS,
                file=str(photos.photos),
                try_="give more photos that overlap; what every photo set needs is in the weights that come with recon",
            )


def _report(
    start: Path,
    tuned: Path,
    training: TrainRequest,
    photos: PhotoFolder,
    pairs: Sequence[ImagePair],
    registry: PluginRegistry,
    observer: Observer,
    should_stop: Callable[[], bool],
) -> dict[str, Any]:
    """Return how both weights match in held-out pairs, and which are better."""
    assert photos.model is not None
    views, images = views_of(photos.model), {image.name: image for image in photos.images}
    pairs = [pair for pair in pairs if pair.name1 in views and pair.name2 in views]
    found: list[Matching] = []
    total = 2 * len({name for pair in pairs for name in (pair.name1, pair.name2)})
    observer(StageStarted(stage="judge", total=total, summary=f"{len(pairs)} pairs with held-out photos"))
    for number, weights in enumerate((start, tuned)):
        student = choose_student(training, weights, training.data.max_keypoints, registry, lambda text: None)
        extractor = student.create(training.machine.threads, lambda text: None)
        found.append(
            match_pairs(
                extractor,
                pairs,
                images,
                views,
                training.data.size,
                lambda done, before=number * total // 2: observer(  # type: ignore[misc]
                    Progress(stage="judge", done=before + done, total=total)
                ),
                should_stop,
            )
        )
    verdict = judge(*found)
    return {"pairs": len(pairs), "before": found[0].as_dict(), "after": found[1].as_dict(), **asdict(verdict)}


def _halves(material: Material) -> tuple[list[TrackedPair], list[TrackedPair]]:
    """Return the held-out pairs by which training is stopped, and those by which it is judged.

    Weights that were chosen by some pairs look better on them than they are. No photo that is judged by is looked at
    before; only where there are too few pairs for that, all of them serve for both.
    """
    every = list(material.held_out_pairs)
    held_out = material.validation["homographies"]
    assert isinstance(held_out, HomographySource)
    of_judge = {photo.name for photo in held_out.photos[1::2]}
    to_judge_by = [pair for pair in every if {pair.photo1.name, pair.photo2.name} & of_judge]
    to_stop_by = [pair for pair in every if not {pair.photo1.name, pair.photo2.name} & of_judge]
    return (every, every) if min(len(to_stop_by), len(to_judge_by)) < _LEAST_PAIRS else (to_stop_by, to_judge_by)


def _measured_pairs(held_out: Sequence[TrackedPair]) -> list[ImagePair]:
    """Return pairs with enough in common, spread over all that there are."""
    common = [
        ImagePair.of(pair.photo1.name, pair.photo2.name)
        for pair in held_out
        if len(pair.positions1) >= _LEAST_COMMON_POINTS
    ]
    ordered = sorted(set(common))
    step = max(1, -(-len(ordered) // _MOST_MEASURED))
    return ordered[::step]
