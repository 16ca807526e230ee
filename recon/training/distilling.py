"""Distils a teacher into a student, and sets side by side the teacher, and the student without and with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recon.choice import Choice
from recon.core.errors import Cause, UsageError
from recon.core.events import Noted, Observer, Progress, StageStarted
from recon.core.executor import never
from recon.core.registry import PluginRegistry
from recon.learning.extractor_measures import measured_extractor
from recon.learning.feeding import sample_of
from recon.learning.homographies import HomographySource, WarpOptions
from recon.learning.run_folder import RunFolder
from recon.learning.run_record import State, read_record
from recon.learning.samples import PairSample
from recon.training.carrying_out import carry_out_training
from recon.training.material import Material
from recon.training.request import TrainRequest
from recon.training.teachers import choose_student, choose_teacher

_PAIRS = 48
_CROP = 384
"""Side of the crops that are compared, in pixels: larger than most that are trained on."""
_KEYPOINTS = 768
"""In each, of whomever."""
_SEED = 7


@dataclass(frozen=True, slots=True)
class DistillRequest:
    """What a distillation is asked for."""

    training: TrainRequest
    with_comparison: bool = False
    """Train the student without the teacher, too, with the same settings and seed."""
    keypoints: str = "sift"
    """Whose keypoints that student learns."""
    against: Path | None = None
    """A training of a student without the teacher, in place of that."""


def distil(
    request: DistillRequest,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> dict[str, Any]:
    """Train a student by a teacher, going on from where an earlier call stopped, and return what came of it.

    Raises:
        UsageError, ReconError, Interrupted: As `carry_out_training` does.
    """
    observers = list(observers)
    if request.with_comparison and request.training.machine.devices > 1:
        raise UsageError(
            "--compare trains twice, and with several GPUs a command trains once",
            code=Cause.USAGE,
            try_="train the other student by `recon train new`, and give it by --against RUN",
        )
    if request.against is not None:
        _weights_of(request.against)

    def conclude(folder: RunFolder, material: Material, observer: Observer) -> dict[str, Any] | None:
        without = request.against
        if without is None:
            without = folder.path / "without"
            work = _without_teacher(request, without)
            if carry_out_training(work, "new", registry, observers, should_stop)["state"] != State.FINISHED:
                return None
        return _report(request, folder.weights, _weights_of(without), material, registry, observer)

    is_compared = request.with_comparison or request.against is not None
    return carry_out_training(
        request.training, "distill", registry, observers, should_stop, conclude if is_compared else None
    )


def _without_teacher(request: DistillRequest, output: Path) -> TrainRequest:
    training = request.training
    data = replace(training.data, teacher=request.keypoints, with_descriptors=False)
    return replace(training, output=output, data=data, is_fresh=False)


def _weights_of(run: Path) -> Path:
    """Return the weights of a finished training.

    Raises:
        UsageError: NOT_A_WORKSPACE; USAGE, it is not finished.
    """
    told = read_record(run)
    weights = run / "weights.safetensors"
    if told.get("state") != State.FINISHED or not weights.is_file():
        raise UsageError(
            f"the training in {run} is not finished",
            code=Cause.USAGE,
            file=str(run),
            try_="give its command again first, or take --compare to train a student without the teacher here",
        )
    return weights


def _report(
    request: DistillRequest,
    distilled: Path,
    undistilled: Path,
    material: Material,
    registry: PluginRegistry,
    observer: Observer,
) -> dict[str, Any]:
    """Return what teacher and students find in the same held-out pairs, how fast, and how large they are."""
    training = request.training
    samples = _samples(material, training)
    if not samples:
        observer(Noted(message="there are no photos to compare teacher and students by: give some with --data"))
        return {"pairs": 0, "rows": []}

    def note(text: str) -> None:
        observer(Noted(message=text))

    capped = replace(training.data, max_keypoints=_KEYPOINTS)
    settings, device = training.network.settings, training.machine.device
    contestants = [
        ("teacher", choose_teacher(capped, settings, registry, device, note)),
        ("student without teacher", choose_student(training, undistilled, _KEYPOINTS, registry, note)),
        ("student with teacher", choose_student(training, distilled, _KEYPOINTS, registry, note)),
    ]
    observer(StageStarted(stage="compare", total=len(contestants), summary=f"{len(samples)} held-out pairs"))
    rows = []
    for done, (role, choice) in enumerate(contestants, 1):
        measures = measured_extractor(choice.create(training.machine.threads, note), samples)
        rows.append({"role": role, "name": choice.name, **measures, "bytes": _bytes(choice)})
        observer(Progress(stage="compare", done=done, total=len(contestants)))
    return {"pairs": len(samples), "crop": _CROP, "keypoints": _KEYPOINTS, "rows": rows}


def _samples(material: Material, training: TrainRequest) -> list[PairSample]:
    """Return pairs of crops of held-out photos, under homographies."""
    source = material.validation.get("homographies")
    if not isinstance(source, HomographySource):
        return []
    larger = HomographySource(source.photos, WarpOptions(size=_CROP, **training.warps))
    return [sample_of(larger, training.settings.seed, _SEED, number) for number in range(_PAIRS)]


def _bytes(choice: Choice) -> int:
    """Return the size of an extractor's weights."""
    given = getattr(choice.options, "weights", None)
    files = {*choice.weights.values(), *([given] if isinstance(given, Path) else [])}
    return sum(file.stat().st_size for file in files)
