"""`recon map` on what others matched: a COLMAP database, or hloc's features and matches.

The original files are only read. What is verified already stays as it is; the rest is verified here, and mapped by the
same mapper as everything else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import recon
from recon.choice import Choice, Team, choose_team, key_of
from recon.core.components import Mapper, MappingOptions
from recon.core.data import ImageFile
from recon.core.errors import Cause, Interrupted, NoModel, ReconError, UsageError
from recon.core.events import Announcer, Noted, Observer, RunFinished, RunStarted, StageStarted, Warned
from recon.core.executor import never, run_in_order
from recon.core.registry import PluginRegistry
from recon.event_log import write_events
from recon.matching.cameras import group_cameras
from recon.matching.hloc import read_hloc_keypoints, read_hloc_matches
from recon.matching.images import list_images
from recon.plan import Plan
from recon.result import ReconstructionResult, StoredModels, empty_summary, left_out_from_dicts, versions_dict
from recon.workspace import StageRecord, State, Workspace, open_workspace, storage_errors
from recon.workspace.atomic import file_digest

if TYPE_CHECKING:
    import pycolmap

    from recon.engine.database import VerifiedPair

_IMPORT, _MAP = "import", "map"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignMatches:
    """What is to be mapped: a database, or hloc's two files with the photos."""

    plan: Plan
    output: Path
    database: Path | None = None
    features: Path | None = None
    matches: Path | None = None
    photos: Path | None = None
    """With a database, only for the points' colours and later views."""
    is_fresh: bool = False

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        return [path for path in (self.database, self.features, self.matches) if path is not None]


@dataclass(slots=True)
class _Job:
    """One mapping of foreign matches, in its workspace."""

    request: ForeignMatches
    mapper: Choice
    workspace: Workspace
    announce: Announcer
    should_stop: Callable[[], bool]
    seconds: dict[str, float]
    fixed_camera_ids: frozenset[int] = frozenset()

    def record(self, stage: str, key: str, facts: Mapping[str, Any], *files: Path) -> None:
        """Write down what a stage made."""
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        seconds = {stage: round(self.seconds.get(stage, 0.0), 3)}
        self.workspace.record_stage(stage, StageRecord(key, seconds, finished, self.workspace.digests(*files), facts))


def map_foreign(
    request: ForeignMatches,
    registry: PluginRegistry,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> ReconstructionResult:
    """Return the models that foreign matches support; no model is a result too, with the reason.

    Raises:
        UsageError: A file is missing, damaged, or of other photos.
        Interrupted: `should_stop` said so; the same call goes on.
    """
    start = time.perf_counter()
    os.environ.setdefault("GLOG_minloglevel", "2")
    _check_files(request)
    notes: list[str] = []
    team = choose_team(request.plan, registry, notes.append)
    fields = {
        "photos": str(request.photos.resolve()) if request.photos else "",
        "plan": _plan_dict(request, team),
        "seed": request.plan.seed,
        "versions": versions_dict(team),
        "weights": {},
    }
    with (
        open_workspace(request.output, recon.__version__, fields, fresh=request.is_fresh) as workspace,
        storage_errors(request.output),
        write_events(workspace.events) as log,
    ):
        announce = Announcer([*observers, log, *registry.observers()])
        job = _Job(request, team.mapper, workspace, announce, should_stop, {})
        announce(RunStarted(photos=str(request.photos or ""), output=str(workspace.path), images=0))
        error: ReconError | None = None
        try:
            with storage_errors(request.output):
                import_key = _import(job)
                _map(job, import_key)
        except NoModel as no_model:
            error = no_model
        except ReconError as failure:
            state = State.INTERRUPTED if isinstance(failure, Interrupted) else State.FAILED
            workspace.record(state=state, summary=_summary(job, failure, start))
            raise
        summary = _summary(job, error, start)
        workspace.record(state=State.FAILED if error else State.FINISHED, summary=summary)
        announce(RunFinished(exit_status=error.exit_status if error else 0, summary=summary))
        folders = [workspace.sparse / str(number) for number in range(summary["models"])]
        return ReconstructionResult(
            StoredModels(folders), left_out_from_dicts(summary["left_out"]), summary, workspace.path
        )


def _check_files(request: ForeignMatches) -> None:
    for path in request.files:
        if not path.is_file():
            raise UsageError(f"there is no file {path}", code=Cause.MISSING_FILE, file=str(path), try_="check the path")
        if path.resolve().parent == request.output.resolve():
            raise UsageError(
                f"{path} lies in {request.output}, where the results go",
                code=Cause.NOT_A_WORKSPACE,
                file=str(path),
                try_="choose another folder with -o DIR",
            )


def _import(job: _Job) -> str:
    """Bring the verified matches into the workspace's database, and return their key."""
    from recon.engine.two_view import VerificationOptions

    request, options = job.request, VerificationOptions(seed=job.request.plan.seed)
    images: tuple[ImageFile, ...] = ()
    if request.database is None:
        assert request.photos is not None
        with ThreadPoolExecutor(request.plan.threads) as pool:
            images = list_images(request.photos, request.plan.image_list, pool).images
    key = key_of(
        _IMPORT,
        [file_digest(path) for path in request.files],
        [[image.name, image.digest] for image in images],
        asdict(request.plan.camera, dict_factory=lambda items: {name: str(value) for name, value in items}),
        asdict(options),
        metadata.version("pycolmap"),
    )
    done = job.workspace.finished_stage(_IMPORT, key)
    if done is not None:
        job.fixed_camera_ids = frozenset(done.facts["fixed_cameras"])
        return key
    names = " and ".join(path.name for path in request.files)
    job.announce(StageStarted(stage="match", summary=f"matches of {names}"))
    began = time.perf_counter()
    pairs, verified = _import_database(job, options) if request.database else _import_hloc(job, images, options)
    job.seconds[_IMPORT] = time.perf_counter() - began
    job.announce(Noted(message=f"{pairs} pairs with matches, {verified} of them verified"))
    facts = {"pairs": pairs, "verified": verified, "fixed_cameras": sorted(job.fixed_camera_ids)}
    job.record(_IMPORT, key, facts, job.workspace.database)
    return key


def _import_database(job: _Job, options: Any) -> tuple[int, int]:
    from recon.engine.foreign_database import import_database

    assert job.request.database is not None
    return import_database(
        job.request.database, job.workspace.database, options, job.request.plan.threads, job.should_stop
    )


def _import_hloc(job: _Job, images: tuple[ImageFile, ...], options: Any) -> tuple[int, int]:
    from recon.engine.database import VerifiedPair, make_camera, write_database
    from recon.engine.two_view import verify_pair

    request = job.request
    assert request.features is not None
    assert request.matches is not None
    keypoints = read_hloc_keypoints(request.features, images)
    pairs = read_hloc_matches(request.matches, keypoints)
    if missing := len(images) - len(keypoints):
        job.announce(Warned(message=f"{missing} of {len(images)} photos are not in {request.features}"))
    used = [image for image in images if image.name in keypoints]
    grouping = group_cameras(used, request.plan.camera)
    for line in grouping.describe():
        job.announce(Noted(message=line))
    job.fixed_camera_ids = frozenset(camera.camera_id for camera in grouping.cameras if camera.is_fixed)
    cameras = {name: make_camera(group) for group in grouping.cameras for name in group.image_names}

    def verify(pair: recon.ImagePair) -> VerifiedPair:
        places = (cameras[pair.name1], keypoints[pair.name1], cameras[pair.name2], keypoints[pair.name2])
        return VerifiedPair(pair, pairs[pair], verify_pair(*places, pairs[pair], options))

    threads = request.plan.threads
    done = list(run_in_order(verify, sorted(pairs), threads=threads, should_stop=job.should_stop))
    write_database(job.workspace.database, grouping.cameras, used, keypoints.__getitem__, done)
    return len(pairs), sum(each.geometry.is_verified for each in done)


def _map(job: _Job, import_key: str) -> None:
    from recon.engine.diagnosis import diagnose_left_out, explain_no_model, read_match_record
    from recon.engine.models import finish_swap, order_models, write_models
    from recon.output.ply import write_ply
    from recon.output.summary import summarise

    workspace, plan = job.workspace, job.request.plan
    key = key_of(_MAP, import_key, job.mapper.identity, plan.seed, str(job.request.photos))
    if workspace.finished_stage(_MAP, key) is not None:
        job.announce(Noted(message=f"nothing to do: {workspace.path} holds this result already (--fresh redoes it)"))
        return
    finish_swap(workspace.path)
    record = read_match_record(workspace.database)
    num_images = len(record.num_keypoints)
    job.announce(StageStarted(stage=_MAP, total=num_images, summary=job.mapper.name))
    options = MappingOptions(
        threads=plan.threads,
        seed=plan.seed,
        min_model_size=min(3, num_images),
        fixed_camera_ids=job.fixed_camera_ids,
        checkpoint_dir=workspace.cache / "mapping" / key[:16],
        should_stop=job.should_stop,
    )
    mapper: Mapper = job.mapper.create(plan.threads, lambda message: job.announce(Noted(message=message)))
    began = time.perf_counter()
    grown = mapper.map(workspace.database, options, job.announce)
    job.seconds[_MAP] = time.perf_counter() - began
    if job.should_stop():
        raise Interrupted("stopped while mapping", try_="give the same command again")
    models = order_models([model for model in grown if model.num_reg_images() >= options.min_model_size])
    explanation = None if models else explain_no_model(record)
    no_model = explanation.error.code if explanation else Cause.MODEL_TOO_SMALL
    left_out = diagnose_left_out(record, models, None, no_model)
    numbers = {"models": len(models), **(summarise(models[0]).as_dict() if models else {})}
    facts = {"images": num_images, "numbers": numbers, "left_out": [each.as_dict() for each in left_out]}
    if explanation is not None:
        job.record(_MAP, f"no model {key}", facts)
        raise explanation.error
    _colour(job, models)
    write_models(models, workspace.path)
    write_ply(models[0], workspace.points)
    job.record(_MAP, key, facts, workspace.sparse, workspace.points)


def _colour(job: _Job, models: Iterable[pycolmap.Reconstruction]) -> None:
    photos = job.request.photos
    if photos is None:
        job.announce(Noted(message="the points have no colours: --photos DIR says where the photos are"))
        return
    from recon.output.photo_files import check_names_inside, registered_images

    for model in models:
        names = [image.name for image in registered_images(model)]
        check_names_inside(names)
        if any(not (photos / name).is_file() for name in names):
            job.announce(Warned(message=f"{photos} lacks some of the photos: their points have no colours"))
        model.extract_colors_for_all_images(str(photos), job.request.plan.threads)


def _summary(job: _Job, error: ReconError | None, start: float) -> dict[str, Any]:
    record = job.workspace.manifest.stages.get(_MAP)
    facts = record.facts if record is not None and (error is None or isinstance(error, NoModel)) else {}
    spent = {**job.seconds, "total": time.perf_counter() - start}
    return {
        **empty_summary(),
        "model": str(job.workspace.sparse / "0") if facts.get("numbers", {}).get("models") else None,
        **facts.get("numbers", {}),
        "images": facts.get("images", 0),
        "left_out": facts.get("left_out", []),
        "seconds": {**empty_summary()["seconds"], **{name: round(value, 3) for name, value in spent.items()}},
        "plan": dict(job.workspace.manifest.plan),
        "versions": dict(job.workspace.manifest.versions),
        **({"error": error.as_dict()} if error else {}),
    }


def _plan_dict(request: ForeignMatches, team: Team) -> dict[str, Any]:
    names = ("database", "features", "matches")
    return {
        "source": {name: str(path.resolve()) for name in names if (path := getattr(request, name)) is not None},
        "mapper": team.mapper.name,
        "threads": request.plan.threads,
        "seed": request.plan.seed,
        "options": {f"{team.mapper.offer.kind}:{team.mapper.name}": team.mapper.options_dict()},
    }
