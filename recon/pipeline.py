"""The story on one page: from a folder of photos to a model, one call a stage.

`reconstruct` is the Python API; the commands call `carry_out`, which is the same with the plan made already.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import recon
from recon.choice import choose_team
from recon.core.commands import RunCommand
from recon.core.errors import Cause, Interrupted, NoModel, ReconError, UsageError
from recon.core.events import Announcer, Observer, RunFinished, RunStarted, Warned, ignore
from recon.core.executor import PoolFactory, never, thread_pool
from recon.core.options import Settings
from recon.core.registry import PluginRegistry, load_plugins
from recon.event_log import write_events
from recon.matching.cameras import CameraOptions, Grouping, group_cameras
from recon.matching.masks import report_masks
from recon.matching.orientation import describe_mirrored
from recon.matching.pairs import read_pairs_file
from recon.plan import Plan, make_plan
from recon.plan_command import command_of
from recon.refusals import (
    check_enough_photos,
    check_folders,
    check_frames_option,
    check_has_extractor,
    check_keeps_added,
    interrupted,
    stage_missing,
)
from recon.result import (
    ReconstructionResult,
    StoredModels,
    left_out_from_dicts,
    plan_dict,
    summary_of,
    versions_dict,
)
from recon.run import Run
from recon.stages.extracting import extract
from recon.stages.mapping import map_models
from recon.stages.matching import match
from recon.stages.reporting import calls_for_report, report_on
from recon.stages.video_frames import take_frames
from recon.video.reading import is_video
from recon.workspace import State, open_workspace, storage_errors
from recon.workspace.folder import FRAMES

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
    world: str = "auto",
    gps_prior: bool = False,
    settings: Mapping[str, object] | Iterable[str] = (),
    pairs_file: Path | str | None = None,
    image_list: Sequence[str] | None = None,
    frames: int | None = None,
    masks: Path | str | None = None,
    strict: bool = False,
    escalate: bool = True,
    keep_overlays: bool = False,
    max_size: int | None = None,
    max_keypoints: int | None = None,
    prior_poses: Path | str | None = None,
    prior_poses_use: str = "triangulate",
    camera_model: str | None = None,
    camera_params: Sequence[float] | None = None,
    cameras: Path | str | None = None,
    rigs: Path | str | None = None,
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
    """Return the models that a folder of photos, or a video, supports; no model is a result too, with the reason.

    Args:
        output: The workspace; default `./<photos folder's name>-recon`. What an earlier run left there is used.
        settings: Options of plugins, `{"sift.max_keypoints": 2000}` or `["sift.max_keypoints=2000"]`.
        frames: Of a video, at most so many frames; None leaves it to recon.
        gps_prior: Adjust the model to the photos' GPS, too.
        world: Where the model stands: `gps`, `upright`, `model` (as mapped), or `auto`: the first of these that holds.
        strict: Drop pairs that look alike and contradict the other photos.
        escalate: Match photos that stay out once more, with more effort.
        keep_overlays: Use what stands at the same place in all photos, too, such as a watermark.
        masks: A folder of pictures named like the photos, photo.jpg.png or photo.png: 0 = ignore.
        max_size: Longest side in pixels that the extractor sees; None leaves it to the preset.
        cameras: Intrinsics in a file: COLMAP's cameras.txt, nerfstudio's transforms.json, or the folder of one.
        prior_poses: Known poses: a COLMAP model, nerfstudio's transforms.json or a gt.json.
        prior_poses_use: `triangulate` keeps them, `start` refines them and registers photos without one.
        rigs: COLMAP's rig_config.json, for cameras that are fixed to each other and release together.
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
        world=world,
        gps_prior=gps_prior,
        settings=Settings.from_texts(texts),
        prior_poses=None if prior_poses is None else Path(prior_poses),
        prior_poses_use=prior_poses_use,
        pairs_file=None if pairs_file is None else Path(pairs_file),
        image_list=None if image_list is None else tuple(image_list),
        frames=frames,
        masks=None if masks is None else Path(masks),
        strict=strict,
        escalate=escalate,
        keep_overlays=keep_overlays,
        max_size=max_size,
        max_keypoints=max_keypoints,
        camera=CameraOptions(
            camera_model,
            None if camera_params is None else tuple(camera_params),
            _grouping(camera_grouping),
            refine_intrinsics,
            None if cameras is None else Path(cameras),
            None if rigs is None else Path(rigs),
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
    command: RunCommand | None = None
    """What the user typed; None makes one from the plan."""

    @property
    def workspace_path(self) -> Path:
        """The folder of results: as given, or named after the photos."""
        name = self.photos.resolve().stem if is_video(self.photos) else self.photos.resolve().name
        return self.output or Path(f"{name}-recon")

    @property
    def photos_folder(self) -> Path:
        """The folder of photos: as given, or of the frames of the video that was given."""
        return self.workspace_path / FRAMES if is_video(self.photos) else self.photos


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
    check_frames_option(request.plan, request.photos)
    if not request.is_fresh and not is_video(request.photos):
        check_keeps_added(request.plan, team, request.photos, output)
    command = request.command or command_of(request.plan, request.photos, request.output, output)
    fields = {
        "command": str(command),
        "photos": str(request.photos_folder.resolve()),
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
        run = Run(
            request.plan, team, workspace, request.photos_folder, announce, should_stop, make_pool, command=command
        )

        def end(state: State, error: ReconError | None = None) -> ReconstructionResult:
            return _end(request, run, state, error, time.perf_counter() - start)

        try:
            with storage_errors(output):
                if is_video(request.photos):
                    take_frames(run, request.photos)
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
    if mirrored := describe_mirrored(listing.images):
        run.note(mirrored)
    check_enough_photos(listing, least=1 if only == "extract" else 2)
    # What is wrong with a camera or a file of pairs is known before any work is done.
    if run.plan.camera != CameraOptions():
        group_cameras(listing.images, run.plan.camera)
    if run.plan.masks is not None and not run.is_extracted:
        _report_masks(run)
    if run.plan.prior_poses is not None:
        _ = run.prior_poses
    if run.plan.pairs_file is not None:
        read_pairs_file(run.plan.pairs_file, [image.name for image in listing.images], ignore)
    begins_with_pairs = run.sees_pixels and only == "match" and not run.is_extracted
    if only == "extract" or begins_with_pairs or (only is None and not run.is_matched):
        extract(run)
    if only in ("match", "map") and not run.is_extracted:
        raise stage_missing(run, "extract", "the features of these photos, found with these options")
    if only in (None, "match") and not run.is_matched:
        match(run)
    if only == "map" and not run.is_matched:
        raise stage_missing(run, "match", "the database made of these photos with these options")
    if only in (None, "map") and not run.is_mapped:
        map_models(run)
    if run.did_nothing:
        run.note(f"nothing to do: {run.workspace.path} holds this result already (--fresh redoes it)")


def _report_masks(run: Run) -> None:
    with ThreadPoolExecutor(run.plan.threads) as pool:
        report = report_masks(run.listing.images, pool)
    run.note(report.summary)
    for message in report.warnings:
        run.observer(Warned(message=message))


def _end(request: RunRequest, run: Run, state: State, error: ReconError | None, total: float) -> ReconstructionResult:
    """Write down how the run went, tell the observers, and return its result."""
    summary = summary_of(run, error, total)
    try:
        run.workspace.record(state=state, summary=summary)
        if request.only in (None, "map") and calls_for_report(run, error):
            summary = report_on(run, summary)
    except OSError:
        if error is None:  # else it is the full disk that was met before
            raise
    status = error.exit_status if error else 0
    run.observer(RunFinished(exit_status=status, summary=summary))
    folders = [run.workspace.sparse / str(number) for number in range(summary["models"])]
    return ReconstructionResult(
        StoredModels(folders), left_out_from_dicts(summary["left_out"]), summary, run.workspace.path
    )
