"""The extractor that says where keypoints are, and perhaps how they are described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from recon.choice import Choice, choose_team
from recon.core.errors import Cause, ReconError
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.core.registry import PluginRegistry
from recon.plan import make_plan
from recon.training.request import DataRequest, TrainRequest


def choose_teacher(
    data: DataRequest, settings: Settings, registry: PluginRegistry, device: str, note: Callable[[str], None]
) -> Choice:
    """Return the extractor of a name, with its weights.

    Raises:
        UsageError: UNKNOWN_PLUGIN, UNKNOWN_OPTION, BAD_VALUE.
        ReconError: MISSING_WEIGHTS, NO_NETWORK: they are neither here nor to be had.
    """
    mine = Settings(
        tuple(each for each in settings.entries if each.name == data.teacher and each.kind in (None, Kind.EXTRACTOR))
    )
    plan = make_plan(
        extractor=data.teacher, max_keypoints=data.max_keypoints, device=device, settings=mine, matcher="nearest"
    )
    try:
        choice = choose_team(plan, registry, note).extractor
    except ReconError as error:
        if error.code not in (Cause.MISSING_WEIGHTS, Cause.NO_NETWORK, Cause.BAD_WEIGHTS):
            raise
        fetch = error.try_ or f"`recon weights get {data.teacher}` downloads them"
        raise ReconError(
            f"the teacher {data.teacher} has no weights here: {error.message}",
            code=error.code,
            file=error.file,
            try_=f"{fetch}; or take a teacher that needs none, such as sift",
        ) from error
    assert choice is not None  # the matcher compares features
    return choice


def choose_student(
    training: TrainRequest, weights: Path, max_keypoints: int, registry: PluginRegistry, note: Callable[[str], None]
) -> Choice:
    """Return the extractor that a training is for, with weights of it.

    Raises:
        UsageError: UNKNOWN_PLUGIN, no extractor has the network's name.
    """
    name = training.network.trainable
    registry.find(Kind.EXTRACTOR, name)
    own = Settings(
        tuple(
            replace(each, kind=Kind.EXTRACTOR)
            for each in training.network.settings.entries
            if each.name == name and (each.kind in (None, Kind.EXTRACTOR) or each.option == "backbone")
        )
    )
    settings = Settings.from_texts([f"extractor:{name}.weights={weights}"]).over(own)
    data = replace(training.data, teacher=name, max_keypoints=max_keypoints)
    return choose_teacher(data, settings, registry, training.machine.device, note)


def told_of(choice: Choice) -> Mapping[str, Any]:
    """Return what decides a teacher's answers, as JSON holds it; a change of its code is none of its user's doing."""
    kept = ("name", "version", "options", "weights", "seed")
    return {name: value for name, value in choice.identity.items() if name in kept}
