"""`recon replay`: a run repeated from its recon.json in a new folder, and what differs.

With one thread the same photos, plan, versions and weights give the same bytes; with several, the same photos
registered at poses within 0.05 degrees and a thousandth of the scene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from recon.command_line import repeating_command
from recon.core.errors import Cause, UsageError
from recon.core.events import Noted, Observer
from recon.core.executor import never
from recon.core.registry import PluginRegistry
from recon.pipeline import RunRequest, carry_out
from recon.repeating.manifests import Difference, manifest_differences
from recon.repeating.models import ModelDifference, compare_models
from recon.repeating.record import RecordedRun, check_photos, check_weights, read_run
from recon.result import ReconstructionResult
from recon.workspace.atomic import file_digest
from recon.workspace.folder import MANIFEST
from recon.workspace.manifest import read_manifest

_MODEL_FILES = ("sparse/*/*.bin", "points.ply")


@dataclass(frozen=True, slots=True)
class Replay:
    """A run and its repetition."""

    then: Path
    """The workspace of the run."""
    now: Path
    """The workspace of its repetition."""
    threads: int
    command: str
    """The line that repeats the run."""
    differences: tuple[Difference, ...]
    """Of all that determines the result."""
    model: ModelDifference | None
    """Of the best models; None where either run has none."""
    errors: tuple[str | None, str | None]
    """Why there is no model, then and now; None where there is one."""
    other_files: tuple[str, ...]
    """Files of the models that are not the same bytes."""
    notes: tuple[str, ...]

    @property
    def is_identical(self) -> bool:
        """Whether both ended alike, in the same bytes."""
        return self.errors[0] == self.errors[1] and not self.other_files

    @property
    def is_same(self) -> bool:
        """Whether the run was repeated as well as its threads promise."""
        if self.threads == 1 or self.model is None:
            return self.is_identical
        return self.is_identical or self.model.is_within_tolerance

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `recon replay`."""
        return {
            "same": self.is_same,
            "identical": self.is_identical,
            "promise": "bytes" if self.threads == 1 else "poses",
            "then": str(self.then),
            "now": str(self.now),
            "command": self.command,
            "differences": [asdict(each) for each in self.differences],
            "model": None if self.model is None else asdict(self.model),
            "no_model": list(self.errors),
            "other_files": list(self.other_files),
            "notes": list(self.notes),
            "error": None,
        }


def replay(
    workspace: Path,
    registry: PluginRegistry,
    output: Path | None = None,
    photos: Path | None = None,
    *,
    fresh: bool = False,
    observers: Iterable[Observer] = (),
    should_stop: Callable[[], bool] = never,
) -> Replay:
    """Repeat the run of a workspace in another folder, and return what differs.

    Args:
        output: The new workspace; default beside the old one, `OUT-replay`.
        photos: Where the photos, or the video, are now; None: where they were.
        fresh: Delete what an earlier repetition left.

    Raises:
        UsageError: There is no finished run, its photos are not there, or a plugin of it is missing.
        ReconError: The photos have changed, or weights are missing.
        Interrupted: `should_stop` said so; the same call goes on.
    """
    run = read_run(workspace)
    watchers = list(observers)
    notes: list[str] = []
    source = photos or run.video or run.photos
    if photos is None and run.video is not None and not run.video.exists():
        source = run.photos
        notes.append(f"{run.video} is gone: its frames, which are kept, are used instead")
    now = output or workspace.resolve().with_name(f"{workspace.resolve().name}-replay")
    _check_output(run, now, is_fresh=fresh)
    check_photos(run, source)
    check_weights(run, registry)
    if run.photo_keys is None:
        notes.append("an older recon made this run: whether the photos are the same is not on record")
    if run.manifest.added:
        notes.append(
            f"`recon add` brought {len(run.manifest.added)} photos into the model since: they are not repeated"
        )
    plan = replace(run.plan, frames=None) if source.is_dir() else run.plan
    command = repeating_command(plan, source, now, registry)
    if plan.image_list is not None:
        notes.append(f"the command is of all photos; the run was of {len(plan.image_list)}, which recon.json lists")
    for note in notes:
        for watcher in watchers:
            watcher(Noted(message=note))
    result = carry_out(RunRequest(source, plan, now, fresh), registry, watchers, should_stop)
    return _compare(run, result, str(command), tuple(notes))


def _check_output(run: RecordedRun, output: Path, *, is_fresh: bool) -> None:
    if output.resolve() == run.workspace.resolve():
        raise UsageError(
            f"{output} holds the run itself, which its repetition would overwrite",
            code=Cause.BAD_VALUE,
            file=str(output),
            try_="choose another folder with -o DIR",
        )
    if is_fresh or not (output / MANIFEST).is_file():
        return
    held = read_manifest(output / MANIFEST)
    if held.plan and held.plan != run.manifest.plan:
        raise UsageError(
            f"{output} holds another run",
            code=Cause.NOT_A_WORKSPACE,
            file=str(output),
            try_="choose another folder with -o DIR, or replace it with --fresh",
        )


def _compare(run: RecordedRun, result: ReconstructionResult, command: str, notes: tuple[str, ...]) -> Replay:
    from recon.engine.models import read_model

    now = read_manifest(result.workspace / MANIFEST)
    errors = _error_of(run.manifest.summary), _error_of(result.summary)
    has_models = run.manifest.summary["model"] is not None and result.model is not None
    model = compare_models(read_model(run.workspace), read_model(result.workspace)) if has_models else None
    return Replay(
        then=run.workspace,
        now=result.workspace,
        threads=run.plan.threads,
        command=command,
        differences=tuple(manifest_differences(run.manifest, now)),
        model=model,
        errors=errors,
        other_files=tuple(_other_files(run.workspace, result.workspace)) if has_models else (),
        notes=notes,
    )


def _error_of(summary: Mapping[str, Any]) -> str | None:
    if "error" in summary:
        return str(summary["error"]["code"])
    return None if summary["model"] else "no model"


def _other_files(then: Path, now: Path) -> list[str]:
    """Return the names of the model's files that are not the same bytes in both workspaces."""
    names = {
        path.relative_to(workspace).as_posix()
        for workspace in (then, now)
        for pattern in _MODEL_FILES
        for path in workspace.glob(pattern)
    }
    return sorted(name for name in names if _digest(then / name) != _digest(now / name))


def _digest(path: Path) -> str | None:
    return file_digest(path) if path.is_file() else None
