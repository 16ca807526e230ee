"""The story on one page: from a folder of photos to a model, one call a stage.

`reconstruct` is the Python API; the commands call `carry_out`, which is the same with the plan made already.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import recon
from recon import stages
from recon.choice import choose_team
from recon.core.errors import Cause, Interrupted, NoModel, ReconError, UsageError
from recon.core.events import Announcer, Observer, RunFinished, RunStarted, Warned, ignore
from recon.core.executor import PoolFactory, never, thread_pool
from recon.core.options import Settings
from recon.core.registry import PluginRegistry, load_plugins
from recon.event_log import write_events
from recon.matching.cameras import CameraOptions, Grouping, group_cameras
from recon.matching.pairs import read_pairs_file
from recon.plan import Plan, make_plan
from recon.refusals import check_enough_photos, check_folders, check_has_extractor, interrupted, stage_missing
from recon.result import (
    ReconstructionResult,
    StoredModels,
    left_out_from_dicts,
    plan_dict,
    summary_of,
    versions_dict,
)
from recon.run import Run
from recon.workspace import State, open_workspace, storage_errors

__all__ = ["ReconstructionResult", "RunRequest", "carry_out", "reconstruct"]


def reconstruct(
    photos: Path | str,
    output: Path | str | None = None,
    *,
    extractor: str = "auto",
    matcher: str = "auto",
    pairs: str = "auto",
    mapper: str = "auto",
    refiner: str = "auto",
    settings: Mapping[str, object] | Iterable[str] = (),
    pairs_file: Path | str | None = None,
    image_list: Sequence[str] | None = None,
    max_size: int | None = None,
    max_keypoints: int | None = None,
    camera_model: str | None = None,
    camera_params: Sequence[float] | None = None,
    camera_grouping: str = "auto",
    refine_intrinsics: bool | None = None,
    preset: str = "balanced",
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    fresh: bool = False,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
    make_pool: PoolFactory = thread_pool,
) -> ReconstructionResult:
    """Return the models that a folder of photos supports; no model is a result too, with the reason.

    Args:
        output: The workspace; default `./<photos folder's name>-recon`. What an earlier run left there is used.
        settings: Options of plugins, `{"sift.max_keypoints": 2000}` or `["sift.max_keypoints=2000"]`.
        max_size: Longest side in pixels that the extractor sees; None leaves it to the preset.
        camera_params: In the order and with the pixel origin of COLMAP's `camera_model`; stay fixed unless
            `refine_intrinsics`.
        observers: Called with every event.
        should_stop: Asked between steps; once true, the run ends after a checkpoint.
        make_pool: Makes the `concurrent.futures.Executor` for per-photo and per-pair work, of that many threads.

    Raises:
        UsageError: An unknown plugin, option or folder, a bad value, a workspace that is in use or not writable.
        Interrupted: `should_stop` said so.
        ReconError: The disk is full, or weights that were asked for are missing.
    """
    texts = [f"{name}={value}" for name, value in settings.items()] if isinstance(settings, Mapping) else settings
    plan = make_plan(
        extractor=extractor,
        matcher=matcher,
        pairs=pairs,
        mapper=mapper,
        refiner=refiner,
        settings=Settings.from_texts(texts),
        pairs_file=None if pairs_file is None else Path(pairs_file),
        image_list=None if image_list is None else tuple(image_list),
        max_size=max_size,
        max_keypoints=max_keypoints,
        camera=CameraOptions(
            camera_model,
            None if camera_params is None else tuple(camera_params),
            _grouping(camera_grouping),
            refine_intrinsics,
        ),
        preset=preset,
        device=device,
        threads=threads,
        seed=seed,
    )
    request = RunRequest(Path(photos), plan, None if output is None else Path(output), is_fresh=fresh)
    return carry_out(request, load_plugins(), observers, should_stop, make_pool)


def _grouping(name: str) -> Grouping:
    if name not in list(Grouping):
        raise UsageError(
            f"no camera grouping named {name!r}", code=Cause.BAD_VALUE, try_=f"use one of: {', '.join(Grouping)}"
        )
    return Grouping(name)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a command asks for."""

    photos: Path
    plan: Plan
    output: Path | None = None
    is_fresh: bool = False
    """Delete the workspace's results first."""
    only: str | None = None
    """One of the stages, alone; None means all."""

    @property
    def workspace_path(self) -> Path:
        """The folder of results: as given, or named after the photos."""
        return self.output or Path(f"{self.photos.resolve().name}-recon")


def carry_out(
    request: RunRequest,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
    make_pool: PoolFactory = thread_pool,
) -> ReconstructionResult:
    """Return what the stages make of the photos; see `reconstruct`."""
    start = time.perf_counter()
    os.environ.setdefault("GLOG_minloglevel", "2")  # pycolmap's own log: what matters of it comes as an event
    notes: list[str] = []
    team = choose_team(request.plan, registry, notes.append)
    if request.only == "extract":
        check_has_extractor(team)
    output = request.workspace_path
    check_folders(request.photos, output)
    fields = {
        "photos": str(request.photos.resolve()),
        "plan": plan_dict(request.plan, team),
        "seed": request.plan.seed,
        "versions": versions_dict(team),
        "weights": {name: digest for each in team.members for name, digest in each.weights_digests.items()},
    }
    with (
        open_workspace(output, recon.__version__, fields, fresh=request.is_fresh) as workspace,
        storage_errors(output),
        write_events(workspace.events) as log,
    ):
        announce = Announcer([*observers, log, *registry.observers()])
        run = Run(request.plan, team, workspace, request.photos, announce, should_stop, make_pool)

        def end(state: State, error: ReconError | None = None) -> ReconstructionResult:
            return _end(run, state, error, time.perf_counter() - start)

        try:
            with storage_errors(output):
                _carry_out_stages(run, request.only, notes)
        except NoModel as error:
            return end(State.FAILED, error)
        except Interrupted as error:
            by_signal = interrupted(run, getattr(should_stop, "signal_number", 2))
            end(State.INTERRUPTED, by_signal)
            raise by_signal from error
        except KeyboardInterrupt:
            end(State.INTERRUPTED, interrupted(run, 2))
            raise
        except ReconError as error:
            end(State.FAILED, error)
            raise
        return end(State.FINISHED)


def _carry_out_stages(run: Run, only: str | None, notes: Sequence[str]) -> None:
    listing = run.listing
    announce = run.observer
    announce(RunStarted(photos=str(run.photos), output=str(run.workspace.path), images=len(listing.images)))
    for message in notes:
        run.note(message)
    for left_out in listing.unusable:
        announce(Warned(message=f"{left_out.image} is left out: {left_out.detail}", file=left_out.image))
    check_enough_photos(listing, least=1 if only == "extract" else 2)
    # What is wrong with a camera or a file of pairs is known before any work is done.
    if run.plan.camera != CameraOptions():
        group_cameras(listing.images, run.plan.camera)
    if run.plan.pairs_file is not None:
        read_pairs_file(run.plan.pairs_file, [image.name for image in listing.images], ignore)
    begins_with_pairs = run.sees_pixels and only == "match" and not run.is_extracted
    if only == "extract" or begins_with_pairs or (only is None and not run.is_matched):
        stages.extract(run)
    if only in ("match", "map") and not run.is_extracted:
        raise stage_missing(run, "extract", "the features of these photos, found with these options")
    if only in (None, "match") and not run.is_matched:
        stages.match(run)
    if only == "map" and not run.is_matched:
        raise stage_missing(run, "match", "the database made of these photos with these options")
    if only in (None, "map") and not run.is_mapped:
        stages.map_models(run)
    if run.did_nothing:
        run.note(f"nothing to do: {run.workspace.path} holds this result already (--fresh redoes it)")


def _end(run: Run, state: State, error: ReconError | None, total: float) -> ReconstructionResult:
    """Write down how the run went, tell the observers, and return its result."""
    summary = summary_of(run, error, total)
    try:
        run.workspace.record(state=state, summary=summary)
    except OSError:
        if error is None:  # else it is the full disk that was met before
            raise
    status = error.exit_status if error else 0
    run.observer(RunFinished(exit_status=status, summary=summary))
    folders = [run.workspace.sparse / str(number) for number in range(summary["models"])]
    return ReconstructionResult(
        StoredModels(folders), left_out_from_dicts(summary["left_out"]), summary, run.workspace.path
    )
