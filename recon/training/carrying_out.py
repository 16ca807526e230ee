"""One training from beginning to end: its folder, its data, its network, its curve."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import nn

import recon
from recon.choice import Choice
from recon.core.events import Announcer, Noted, Observer
from recon.core.executor import never
from recon.core.kinds import Kind
from recon.core.registry import PluginRegistry
from recon.device import device_for
from recon.event_log import write_events
from recon.learning.curve_files import show_curve
from recon.learning.fabrics import precision_on
from recon.learning.following import is_follower
from recon.learning.homographies import WarpOptions
from recon.learning.loop import Task, Trained, train
from recon.learning.losses import LossOptions, TeacherMap
from recon.learning.photo_folders import PhotoFolder
from recon.learning.run_folder import RunFolder, open_run_folder
from recon.learning.run_record import State
from recon.learning.step import TrainingStep
from recon.learning.validation import HeldOutPairs
from recon.training.material import Material, gather, open_folders
from recon.training.networks import BuiltNetwork, build_network, descriptor_length, told_of_network
from recon.training.recording import recorded, summary_of, versions
from recon.training.request import TrainRequest
from recon.training.teachers import choose_teacher, told_of
from recon.workspace.atomic import storage_errors

Conclude = Callable[[RunFolder, Material, Observer], dict[str, Any] | None]
"""Makes the report of a trained network; None where the time limit came first."""


def carry_out_training(
    request: TrainRequest,
    kind: str,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
    conclude: Conclude | None = None,
) -> dict[str, Any]:
    """Train a network as a request asks, going on from where an earlier call stopped, and return what came of it.

    Args:
        kind: `new` or `distill`, for the record.
        conclude: Called when the network is trained; makes the report.

    Raises:
        UsageError: An unknown plugin, option or folder, a bad value, an output folder of something else.
        Interrupted: `should_stop` said so; the same call goes on.
        ReconError: No photos or too few, no weights, a full disk, losses that are no numbers.
    """
    announce = Announcer(() if is_follower() else [*observers, *registry.observers()])
    request = settled(request, registry)
    notes: list[str] = []
    teacher = choose_teacher(request.data, request.network.settings, registry, request.machine.device, notes.append)
    folders = open_folders(request.data.folders, request.machine.threads, announce)
    asked = _asked(request, registry, teacher, folders)
    with open_run_folder(request.output, kind, asked, recon.__version__, fresh=request.is_fresh) as folder:
        if folder.is_finished and (conclude is None or folder.told.get("report") is not None):
            announce(Noted(message=f"nothing to do: {folder.path} holds this training already (--fresh redoes it)"))
            return summary_of(folder)
        with storage_errors(folder.path), write_events(folder.events) as log, recorded(folder, should_stop):
            told = announce if is_follower() else Announcer([announce, log])
            for message in notes:
                told(Noted(message=message))
            _train(request, registry, teacher, folders, folder, told, should_stop, conclude)
        return summary_of(folder)


def settled(request: TrainRequest, registry: PluginRegistry) -> TrainRequest:
    """Return the request with the device and the precision that it means on this machine."""
    spec = registry.find(Kind.TRAINABLE, request.network.trainable).spec
    device = device_for(spec.devices, request.machine.device)
    settings = replace(request.settings, precision=precision_on(request.settings.precision, device))
    return replace(request, machine=replace(request.machine, device=device), settings=settings)


def _asked(
    request: TrainRequest, registry: PluginRegistry, teacher: Choice, folders: list[PhotoFolder]
) -> dict[str, Any]:
    """Return everything that decides the result, for train.json."""
    data = {
        name: value for name, value in asdict(request.data).items() if name not in ("folders", "teacher", "scene_cache")
    }
    return {
        "network": told_of_network(request.network, registry),
        "teacher": dict(told_of(teacher)),
        "data": data,
        "photos": [{"photos": len(each.images), "digest": each.digest} for each in folders],
        "settings": request.settings.as_dict(),
        "losses": asdict(LossOptions(**request.losses)),
        "warps": {name: value for name, value in asdict(warps_of(request)).items() if name != "size"},
    }


def warps_of(request: TrainRequest) -> WarpOptions:
    """Return how crops are made."""
    return WarpOptions(size=request.data.crop, **request.warps)


def _train(
    request: TrainRequest,
    registry: PluginRegistry,
    teacher: Choice,
    folders: list[PhotoFolder],
    folder: RunFolder,
    observer: Observer,
    should_stop: Callable[[], bool],
    conclude: Conclude | None,
) -> None:
    settings, machine = request.settings, request.machine
    network = build_network(request.network, registry, machine.device, settings.seed)
    material = gather(
        request.data,
        folders,
        teacher,
        request.warps,
        settings.seed,
        request.cache or folder.cache,
        machine.threads,
        observer,
        should_stop,
    )
    folder.record(
        folders=[str(each.given) for each in folders],
        versions=versions(),
        counts=dict(material.counts),
        parameters=network.num_parameters,
        machine=asdict(machine),
    )

    def save(module: nn.Module) -> None:
        network.save(module, folder.weights)

    trained = train_on(request, network, material, folder, observer, should_stop, save)
    if not trained.is_finished:
        folder.record(state=State.PAUSED)
        return
    if is_follower():
        return
    report = None if conclude is None else conclude(folder, material, observer)
    is_paused = conclude is not None and report is None
    state = State.PAUSED if is_paused else State.FINISHED
    folder.record(state=state, stopped_early=trained.stopped_early, report=report)


def train_on(
    request: TrainRequest,
    network: BuiltNetwork,
    material: Material,
    folder: RunFolder,
    observer: Observer,
    should_stop: Callable[[], bool],
    save: Callable[[nn.Module], None],
) -> Trained:
    """Train a network on what was gathered; `save` keeps the best weights so far."""
    settings = request.settings
    if not material.validation:
        observer(Noted(message="no photo is held out, of so few: validation uses those that are trained on"))
    validate = HeldOutPairs(material.validation or material.training, settings.validation_pairs, settings.seed)
    with show_curve(folder.path, tensorboard=request.machine.tensorboard) as show:
        task = Task(
            TrainingStep(network.module, _teacher_map(request, network, material), LossOptions(**request.losses)),
            material.mixed(request.data.mix),
            validate,
            save,
            show,
        )
        return train(task, settings, request.machine, folder.checkpoint, observer, should_stop)


def _teacher_map(request: TrainRequest, network: BuiltNetwork, material: Material) -> TeacherMap | None:
    """Return the map to the teacher's descriptors, the same for the same seed; None where there are none."""
    if not request.data.with_descriptors:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.settings.seed)
        return TeacherMap(descriptor_length(network.module), material.teacher_length)
