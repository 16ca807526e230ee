"""Carries out a recipe: photos reconstructed, then one training after the other."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import recon
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.events import Announcer, Noted, Observer
from recon.core.executor import never
from recon.core.options import Settings
from recon.core.registry import PluginRegistry
from recon.learning.photo_folders import open_photo_folder
from recon.learning.run_folder import RunFolder, open_run_folder
from recon.learning.run_record import State
from recon.learning.settings import Machine
from recon.training.carrying_out import carry_out_training
from recon.training.recipe_file import DataEntry, Recipe, Stage
from recon.training.reconstructing import Reconstructing, reconstruct_into
from recon.training.recording import recorded, summary_of, versions
from recon.training.request import NetworkRequest, TrainRequest
from recon.workspace.atomic import replacing, storage_errors


@dataclass(frozen=True, slots=True)
class RecipeRequest:
    """A recipe, and where its result goes."""

    recipe: Recipe
    output: Path
    machine: Machine
    is_fresh: bool = False


def carry_out_recipe(
    request: RecipeRequest,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> dict[str, Any]:
    """Do what a recipe says, going on from where an earlier call stopped, and return what came of it.

    Raises:
        UsageError, ReconError, Interrupted: As reconstructing and training do.
    """
    if request.machine.devices > 1:
        raise UsageError(
            "a recipe runs on one GPU: its numbers would be others on several",
            code=Cause.USAGE,
            try_="leave --gpus out",
        )
    observers = list(observers)
    photos = [open_photo_folder(entry.folder, request.machine.threads) for entry in request.recipe.data]
    asked = {
        **request.recipe.as_dict(),
        "photos": [{"photos": len(each.images), "digest": each.digest} for each in photos],
    }
    with open_run_folder(request.output, "recipe", asked, recon.__version__, fresh=request.is_fresh) as folder:
        announce = Announcer([*observers, *registry.observers()])
        if folder.is_finished:
            announce(Noted(message=f"nothing to do: {folder.path} holds this training already (--fresh redoes it)"))
            return {**summary_of(folder), "stages": folder.told.get("stages")}
        with recorded(folder, should_stop):
            folder.record(versions=versions(), folders=[str(each.given) for each in photos])
            stages = _carry_out(request, folder, registry, observers, announce, should_stop)
        return {**summary_of(folder), "stages": stages}


def _carry_out(
    request: RecipeRequest,
    folder: RunFolder,
    registry: PluginRegistry,
    observers: list[Observer],
    announce: Observer,
    should_stop: Callable[[], bool],
) -> list[dict[str, Any]]:
    """Return the summary of each stage that was begun."""
    recipe, machine = request.recipe, request.machine
    began = time.monotonic()
    folders = [
        _prepared(number, entry, request, folder, registry, observers, should_stop)
        for number, entry in enumerate(recipe.data, 1)
    ]
    weights: Path | None = None
    summaries: list[dict[str, Any]] = []
    for number, stage in enumerate(recipe.stages, 1):
        announce(Noted(message=f"stage {number} of {len(recipe.stages)}: {stage.name}"))
        if machine.time_limit_min is not None:
            left = machine.time_limit_min - (time.monotonic() - began) / 60
            machine = replace(request.machine, time_limit_min=max(left, 1e-3))
        work = _request_of(stage, recipe, folder, folders, machine, weights)
        kind = "distill" if stage.data.with_descriptors else "new"
        summary = carry_out_training(work, kind, registry, observers, should_stop)
        summaries.append({"stage": stage.name, **summary})
        if summary["state"] != State.FINISHED:
            folder.record(state=State.PAUSED, stages=summaries)
            return summaries
        weights = folder.path / "stages" / stage.name / "weights.safetensors"
    assert weights is not None  # a recipe has a stage
    with storage_errors(folder.path), replacing(folder.weights) as temporary:
        shutil.copyfile(weights, temporary)
    last = summaries[-1]
    folder.record(
        state=State.FINISHED,
        stages=summaries,
        **{name: last[name] for name in ("step", "best", "passed_over", "stopped_early", "parameters", "counts")},
    )
    return summaries


def _prepared(
    number: int,
    entry: DataEntry,
    request: RecipeRequest,
    folder: RunFolder,
    registry: PluginRegistry,
    observers: list[Observer],
    should_stop: Callable[[], bool],
) -> Path:
    """Return the folder to learn from: as given, or the workspace that was made of it."""
    if entry.extractor is None:
        return entry.folder
    workspace = folder.path / "workspaces" / f"{number}-{entry.folder.resolve().name}"
    machine = request.machine
    how = Reconstructing(
        entry.extractor,
        entry.preset,
        entry.matcher,
        entry.escalate,
        entry.settings,
        device=machine.device,
        threads=machine.threads,
    )
    try:
        workspace.parent.mkdir(exist_ok=True)
        reconstruct_into(entry.folder, workspace, how, registry, observers, should_stop)
    except ReconError as error:
        if error.code in (Cause.DISK_FULL, Cause.INTERRUPTED):
            raise
        error.try_ = f"{error.try_ or ''}; or leave `extractor` out of that [[data]]: its photos are used alone".strip(
            "; "
        )
        raise
    return workspace


def _request_of(
    stage: Stage, recipe: Recipe, folder: RunFolder, folders: list[Path], machine: Machine, weights: Path | None
) -> TrainRequest:
    return TrainRequest(
        output=folder.path / "stages" / stage.name,
        data=replace(stage.data, folders=folders, scene_cache=folder.cache / "scenes"),
        network=NetworkRequest(recipe.network, Settings.from_texts(stage.plugins), weights, stage.frozen),
        settings=stage.settings,
        losses=dict(stage.losses),
        warps=dict(stage.warps),
        machine=machine,
        cache=folder.cache,
    )
