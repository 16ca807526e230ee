"""What `run`, `extract`, `match` and `map` have in common: from the command line to the result on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.cli.options import run_options
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.events import Event, Observer, RunFinished
from recon.core.kinds import Kind

if TYPE_CHECKING:
    from recon.core.commands import RunCommand
    from recon.core.options import Settings
    from recon.core.registry import PluginRegistry
    from recon.pipeline import RunRequest
    from recon.plan import Plan
    from recon.result import ReconstructionResult


Work = Callable[["PluginRegistry", Sequence[Observer], Callable[[], bool]], "ReconstructionResult"]
Begin = Callable[[dict[str, Any]], Work]


def stage_command(name: str, text: str) -> click.Command:
    """Return the command of one stage alone, or of all: `run`."""

    names = {"help_option_names": ["-h", "--help"]}

    @click.command(name, cls=JsonCommand, refused=summary_of_nothing, help=text, context_settings=names)
    @run_options
    def command(**values: Any) -> int:
        return run_stage(None if name == "run" else name, values)

    return command


def run_stage(only: str | None, values: dict[str, Any], begin: Begin | None = None) -> int:
    """Carry out one stage, or all, show the result, and return the exit status.

    Args:
        begin: Makes of the options what is to be done; None: the stage, by the pipeline.
    """
    as_json: bool = values["as_json"]
    last = _LastSummary()
    try:
        result = _carry_out(values, last, begin or _begin_stage(only))
    except ReconError as error:
        if as_json:
            print_json(last.summary or summary_of_nothing(error))
        raise
    if as_json:
        print_json(result.summary)
    else:
        from recon.cli.outcome import print_result

        print_result(result, only)
    if "error" in result.summary:
        from recon.cli import show

        said = result.summary["error"]
        show(ReconError(said["message"], code=Cause(said["code"]), file=said["file"], try_=said["try"]))
        return 1
    return 0


def _begin_stage(only: str | None) -> Begin:
    def begin(values: dict[str, Any]) -> Work:
        from recon.pipeline import carry_out

        request = request_of(only, values)
        return lambda registry, observers, should_stop: carry_out(request, registry, observers, should_stop)

    return begin


def _carry_out(values: dict[str, Any], last: Observer, begin: Begin) -> ReconstructionResult:
    from recon.cli.progress import show_progress
    from recon.core.registry import load_plugins
    from recon.event_log import write_events
    from recon.interrupts import watch_signals

    registry = load_plugins(values["plugins_dir"])
    work = begin(values)
    with ExitStack() as stack:
        observers = [stack.enter_context(show_progress()), last]
        if values["events"]:
            try:
                observers.append(stack.enter_context(write_events(values["events"])))
            except OSError as error:
                raise UsageError(
                    f"cannot write events to {values['events']}: {error.strerror}",
                    code=Cause.NOT_WRITABLE,
                    file=str(values["events"]),
                    try_="choose another --events FILE",
                ) from error
        request_stop = stack.enter_context(watch_signals(lambda text: click.echo(text, err=True)))
        return work(registry, observers, request_stop)


def request_of(only: str | None, values: dict[str, Any]) -> RunRequest:
    """Return what the options of a run ask for.

    Raises:
        UsageError: They exclude each other, or name what does not exist.
    """
    from recon.matching.cameras import CameraOptions, Grouping
    from recon.pipeline import RunRequest
    from recon.plan import make_plan

    flags = {
        Grouping.SINGLE: values["single_camera"],
        Grouping.PER_IMAGE: values["camera_per_image"],
        Grouping.PER_FOLDER: values["camera_per_folder"],
    }
    chosen = [grouping for grouping, is_set in flags.items() if is_set]
    if len(chosen) > 1:
        raise UsageError(
            "--single-camera, --camera-per-image and --camera-per-folder exclude each other",
            code=Cause.BAD_VALUE,
            try_="give one of them",
        )
    camera = CameraOptions(
        values["camera_model"],
        values["camera_params"],
        chosen[0] if chosen else Grouping.AUTO,
        values["refine_intrinsics"],
        values["cameras"],
        values["rigs"],
    )
    plugins = ("extractor", "matcher", "pairs", "mapper", "refiner")
    same = (
        *plugins,
        *("world", "gps_prior", "strict", "escalate", "keep_overlays", "prior_poses", "prior_poses_use"),
        *("pairs_file", "masks", "frames", "max_size", "max_keypoints", "preset", "device"),
    )
    plan = make_plan(
        camera=camera,
        threads=values["threads"],
        seed=values["seed"],
        image_list=_read_names(values["image_list"]),
        settings=_settings(values),
        **{name: values[name] for name in same},
    )
    return RunRequest(
        values["photos"], plan, values["output"], values["fresh"], only, command=_command_given(values, plan)
    )


def _command_given(values: dict[str, Any], plan: Plan) -> RunCommand:
    """Return the command as the user typed it; what holds for this once, like --fresh, is left out."""
    from recon.core.commands import RunCommand
    from recon.pipeline import RunRequest

    once = ("photos", "fresh", "as_json", "events")
    context = click.get_current_context()
    options: list[tuple[str, str | None]] = []
    for option in context.command.params:
        name = str(option.name)
        is_given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if name in once or not is_given:
            continue
        given = values[name]
        for value in given if option.multiple else [given]:
            if isinstance(value, bool):  # --this or --no-this
                options.append(((option.opts if value else option.secondary_opts)[0], None))
            else:
                text = ",".join(map(repr, value)) if isinstance(value, tuple) else str(value)
                options.append((option.opts[0], text))
    workspace = RunRequest(values["photos"], plan, values["output"]).workspace_path
    return RunCommand(str(values["photos"]), str(workspace), tuple(options))


def _settings(values: dict[str, Any]) -> Settings:
    from recon.core.options import Settings

    settings = Settings.from_texts(values["settings"])
    if values["config"] is None:
        return settings
    entries = Settings.from_toml(values["config"]).entries
    source = click.get_current_context().get_parameter_source("max_keypoints")
    if source is click.core.ParameterSource.COMMANDLINE:
        budgets = [(kind, "max_keypoints") for kind in (Kind.EXTRACTOR, Kind.IMAGE_MATCHER)]
        entries = tuple(each for each in entries if (each.kind, each.option) not in budgets)
    return settings.over(Settings(entries))


def _read_names(path: Path | None) -> Sequence[str] | None:
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the image list {path}: {error}",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_="check the path given to --image-list",
        ) from error
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


class _LastSummary:
    """Remembers the summary that a run ended with, also when it ended with an error."""

    def __init__(self) -> None:
        self.summary: dict[str, Any] | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            self.summary = event.summary


def summary_of_nothing(error: ReconError) -> dict[str, Any]:
    """Return design's JSON of a run that never began."""
    from recon.result import empty_summary

    return {**empty_summary(), "error": error.as_dict()}
