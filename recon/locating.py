"""`recon locate`: where one photo was taken, in a model that stays as it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recon.core.arrays import UInt8Array
from recon.core.data import Features, ImageFile
from recon.core.errors import Cause, UsageError
from recon.core.events import Announcer, Noted, Observer, StageStarted
from recon.core.executor import never
from recon.core.registry import PluginRegistry, load_plugins
from recon.matching.cameras import CameraOptions
from recon.matching.headers import read_header
from recon.newcomers.cameras import newcomers_of
from recon.newcomers.comparison import compare
from recon.newcomers.finding import find
from recon.newcomers.finished_run import FinishedRun, read_finished_run
from recon.newcomers.location import Location, Neighbour
from recon.plan import AUTO
from recon.workspace import PairStore

__all__ = ["LocateRequest", "Location", "Neighbour", "carry_out", "locate"]

_IN_MEMORY = Path(":memory:")


@dataclass(frozen=True, slots=True)
class LocateRequest:
    """What a command asks for."""

    workspace: Path
    photo: Path
    camera: CameraOptions | None = None
    """What is known of its camera; None: what the run knows."""
    photos: Path | None = None
    """Where the model's photos are now; None: where they were."""
    device: str = AUTO
    threads: int | None = None


def locate(
    workspace: Path | str,
    photo: Path | str,
    *,
    camera_model: str | None = None,
    camera_params: Sequence[float] | None = None,
    photos: Path | str | None = None,
    device: str = AUTO,
    threads: int | None = None,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> Location:
    """Return where a photo was taken, in the best model of a workspace, which stays as it is.

    The photo is matched with the workspace's own extractor and matcher. Where it was taken with a camera of the model
    (same size, make, model, lens and focal length), that camera's intrinsics are used; else they are estimated.

    Args:
        camera_params: In the order and with the pixel origin of COLMAP's `camera_model`; they stay as given.
        photos: Where the model's photos are now; default: where the run found them.

    Raises:
        UsageError: A missing file or folder, no workspace, parameters that do not fit.
        ReconError: The photo cannot be read, or is not found in the model; says why.
        Interrupted: `should_stop` said so.
    """
    request = LocateRequest(
        Path(workspace),
        Path(photo),
        camera_of(camera_model, camera_params),
        None if photos is None else Path(photos),
        device,
        threads,
    )
    return carry_out(request, load_plugins(), observers, should_stop)


def camera_of(model: str | None, params: Sequence[float] | None) -> CameraOptions | None:
    """Return what a user says of the camera; None for nothing."""
    if model is None and params is None:
        return None
    return CameraOptions(model, None if params is None else tuple(params))


def carry_out(
    request: LocateRequest,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> Location:
    """Return what a request asks for; see `locate`."""
    start = time.perf_counter()
    announce = Announcer([*observers, *registry.observers()])
    if not request.photo.is_file():
        raise UsageError(
            f"the photo {request.photo} {'is not a file' if request.photo.exists() else 'does not exist'}",
            code=Cause.MISSING_FILE,
            file=str(request.photo),
            try_="give one photo; `recon add` takes folders",
        )
    finished = read_finished_run(
        request.workspace,
        registry,
        announce,
        photos=request.photos,
        device=request.device,
        threads=request.threads,
        should_stop=should_stop,
    )
    image = _unlike_names(read_header(request.photo, request.photo.name), finished)
    finished = _without_copies(finished, image)
    (newcomer,) = newcomers_of(finished, [image], request.camera)
    with PairStore(_IN_MEMORY, announce) as store:
        features, colours = _extract(finished, image)
        announce(StageStarted(stage="match", total=len(finished.photos), summary=finished.run.team.matcher.name))
        comparison = compare(finished, [newcomer], features, colours.__getitem__, store)
        return find(request.photo, comparison, newcomer, start)


def _unlike_names(image: ImageFile, finished: FinishedRun) -> ImageFile:
    """Return the photo under a name that no photo of the model has."""
    name = image.name
    while name in finished.keypoints:
        name = f"{name} (new)"
    return replace(image, name=name)


def _without_copies(finished: FinishedRun, image: ImageFile) -> FinishedRun:
    """Return the run without the photo itself, so that it is located by the others."""
    same = [name for name, known in finished.photos.items() if known.digest == image.digest]
    if not same:
        return finished
    finished.run.observer(Noted(message=f"the photo is {same[0]} of the model; it is located by the others alone"))
    return replace(finished, passed_over=frozenset(same))


def _extract(finished: FinishedRun, image: ImageFile) -> tuple[dict[str, Features], dict[str, UInt8Array]]:
    run = finished.run
    if run.team.extractor is None:
        return {}, {}
    run.observer(StageStarted(stage="extract", total=1, summary=run.team.extractor.name))
    features, colours = run.make_extraction().extract(image)
    return {image.name: features}, {image.name: colours}
