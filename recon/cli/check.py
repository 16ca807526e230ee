"""`recon check`: what a photo set lacks, before anything runs."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.cli.options import run_options
from recon.core.errors import Cause, ReconError, UsageError

if TYPE_CHECKING:
    from recon.check import Preflight

_OF_A_RUN_ONLY = {"output": None, "fresh": False, "events": None}
"""Options of a run that a check has no use for, and what they are without being given."""
_OF_A_CHECK_ONLY = ("as_json", "write_list")


@click.command(
    "check",
    cls=JsonCommand,
    refused=lambda error: _failed(error),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@run_options
@click.option(
    "--write-list",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the names of the photos worth using: no copies, none blurred, bare, dark or white.",
)
@click.pass_context
def command(context: click.Context, /, **values: Any) -> int:
    """Judge a photo set before anything runs, and say what a run of it would take.

    Takes the options of `recon run`, looks at every photo once at reduced size, and writes nothing (but --write-list).
    Of a video it judges the frames that a run would take.
    The exit status is 1 when no model can come of the photos.

    \b
    Examples:
      recon check photos/
      recon check clip.mp4
      recon check photos/ --json > check.json
      recon check photos/ --write-list good.txt && recon run photos/ --image-list good.txt
    """
    as_json: bool = values["as_json"]
    start = time.perf_counter()
    try:
        found = _check(values)
        if values["write_list"]:
            _write_list(values["write_list"], found)
    except ReconError as error:
        if as_json:
            print_json(_failed(error))
        raise
    run_line = _run_line(context)
    if as_json:
        from recon.preflight.report import check_as_dict

        told = check_as_dict(found.check, found.pairs, found.forecast)
        seconds = round(time.perf_counter() - start, 2)
        print_json({**told, "notes": list(found.notes), "command": run_line, "seconds": seconds, "error": None})
    else:
        from recon.cli.check_report import print_check

        print_check(found, run_line)
    return 0 if found.check.is_usable else 1


# What only a run can use is not offered.
command.params = [param for param in command.params if param.name not in _OF_A_RUN_ONLY]


def _check(values: dict[str, Any]) -> Preflight:
    from recon.check import preflight
    from recon.cli.progress import show_progress
    from recon.cli.running import request_of
    from recon.core.registry import load_plugins
    from recon.refusals import check_folders, check_frames_option
    from recon.stages.video_frames import write_chosen_frames
    from recon.video.reading import is_video

    registry = load_plugins(values["plugins_dir"])
    request = request_of(None, {**_OF_A_RUN_ONLY, **values})
    check_folders(request.photos, request.workspace_path)
    check_frames_option(request.plan, request.photos)
    with show_progress() as observer, TemporaryDirectory() as scratch:
        if not is_video(request.photos):
            return preflight(request.photos, request.plan, registry, observer)
        frames = Path(scratch)
        choice = write_chosen_frames(request.photos, request.plan, frames, observer)
        found = preflight(frames, request.plan, registry, observer)
        return replace(found, notes=(choice, *found.notes))


def _write_list(path: Path, found: Preflight) -> None:
    names = found.check.recommended()
    try:
        path.write_text("".join(f"{name}\n" for name in names), "utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write the list to {path}: {error.strerror}",
            code=Cause.NOT_WRITABLE,
            file=str(path),
            try_="choose another --write-list FILE",
        ) from error


def _run_line(context: click.Context) -> str:
    """Return the command of the run that was checked: the same options, with the list that was written."""
    words = ["recon", "run"]
    written = context.params["write_list"]
    for param in context.command.params:
        name = str(param.name)
        given = context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if not given or name in _OF_A_CHECK_ONLY or (written and name == "image_list"):
            continue
        value = context.params[name]
        if isinstance(param, click.Argument):
            words.append(str(value))
        elif isinstance(param, click.Option) and param.is_flag:
            words.append(param.opts[0])
        elif isinstance(param, click.Option) and param.multiple:
            words += [word for each in value for word in (param.opts[0], str(each))]
        else:
            shown = ",".join(f"{each:.17g}" for each in value) if isinstance(value, tuple) else str(value)
            words += [param.opts[0], shown]
    if written:
        words += ["--image-list", str(written)]
    return shlex.join(words)


def _failed(error: ReconError) -> dict[str, Any]:
    from recon.preflight.report import nothing_checked

    return {**nothing_checked(), "notes": [], "command": None, "seconds": None, "error": error.as_dict()}
