"""`recon add`: further photos brought into the model of a workspace, which stays where it is.

What is found is kept as in a run, so that an interrupted command goes on where it stopped. The database, the models and
the manifest change at the end, in this order; the same command after a crash between two of them finishes the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon
from recon.core.errors import ReconError
from recon.core.events import Announcer, Observer, Warned
from recon.core.executor import never
from recon.core.registry import PluginRegistry, load_plugins
from recon.locating import camera_of
from recon.matching.cameras import CameraOptions
from recon.newcomers.added import AddedPhotos
from recon.newcomers.finished_run import FinishedRun, read_finished_run
from recon.newcomers.gathering import gather
from recon.newcomers.joining import join
from recon.plan import AUTO
from recon.workspace import Workspace, open_workspace, storage_errors

if TYPE_CHECKING:
    pass

__all__ = ["AddRequest", "AddedPhotos", "add", "carry_out"]


@dataclass(frozen=True, slots=True)
class AddRequest:
    """What a command asks for."""

    photos: tuple[Path, ...]
    """Photos and folders of photos."""
    workspace: Path
    camera: CameraOptions | None = None
    """What is known of the new photos' cameras; None: what the run knows."""
    old_photos: Path | None = None
    """Where the model's photos are now; None: where they were."""
    device: str = AUTO
    threads: int | None = None


def add(
    photos: Path | str | Sequence[Path | str],
    workspace: Path | str,
    *,
    camera_model: str | None = None,
    camera_params: Sequence[float] | None = None,
    old_photos: Path | str | None = None,
    device: str = AUTO,
    threads: int | None = None,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> AddedPhotos:
    """Register further photos into the best model of a workspace; what is in it is not moved.

    Poses, intrinsics and points of the model stay the same to the last bit.

    Args:
        photos: A folder, a photo, or several of either; inside or outside the run's folder of photos.
        camera_params: Of the new photos, in the order and with the pixel origin of COLMAP's `camera_model`.
        old_photos: Where the model's photos are now; default: where the run found them.

    Raises:
        UsageError: A missing file or folder, no workspace, a name that another photo has.
        ReconError: None of the photos fits the model: nothing is changed then.
        Interrupted: `should_stop` said so; nothing is changed, and the same call goes on from there.
    """
    sources = [photos] if isinstance(photos, (str, Path)) else photos
    request = AddRequest(
        tuple(Path(source) for source in sources),
        Path(workspace),
        camera_of(camera_model, camera_params),
        None if old_photos is None else Path(old_photos),
        device,
        threads,
    )
    return carry_out(request, load_plugins(), observers, should_stop)


def carry_out(
    request: AddRequest,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> AddedPhotos:
    """Return what became of the photos of a request; see `add`."""
    start = time.perf_counter()
    os.environ.setdefault("GLOG_minloglevel", "2")  # pycolmap's own log: what matters of it comes as an event
    announce = Announcer([*observers, *registry.observers()])

    def read() -> FinishedRun:
        return read_finished_run(
            request.workspace,
            registry,
            announce,
            photos=request.old_photos,
            device=request.device,
            threads=request.threads,
            should_stop=should_stop,
        )

    read()  # says what is wrong with the folder before anything is written
    with open_workspace(request.workspace, recon.__version__) as workspace, storage_errors(request.workspace):
        before = workspace.previous
        try:
            finished = read()
            gathered = gather(finished, request.photos)
            added = join(finished, workspace, gathered, request.camera, start)
            if added.registered and workspace.report.exists():
                _report(finished, workspace)
            return added
        finally:
            workspace.record(state=before.state, command=before.command, recon=before.recon)


def _report(finished: FinishedRun, workspace: Workspace) -> None:
    """Write the page anew, which else would tell of the smaller model."""
    from recon.report.writing import write_report

    run = finished.run
    try:
        write_report(workspace.path, workspace.report, photos=run.photos, threads=run.plan.threads)
    except ReconError as error:
        run.observer(Warned(message=f"no report was written: {error.message}"))
