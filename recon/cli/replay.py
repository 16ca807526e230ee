"""`recon replay`: a run repeated from its recon.json, and what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.core.errors import ReconError

if TYPE_CHECKING:
    from recon.replay import Replay

_PATH = click.Path(path_type=Path)


@click.command("replay", cls=JsonCommand, refused=lambda error: _failed(error))
@click.argument("out", type=_PATH)
@click.option("-o", "--output", type=_PATH, metavar="DIR", help="Folder of the repetition; default OUT-replay.")
@click.option("--photos", type=_PATH, metavar="DIR|VIDEO", help="Where the photos are now; default: where they were.")
@click.option("--plugins-dir", type=_PATH, metavar="DIR", help="Load every plugin file DIR/*.py, too.")
@click.option("--fresh", is_flag=True, help="Redo everything; without it, a repetition goes on where it stopped.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, progress on stderr.")
def command(out: Path, as_json: bool, **options: Any) -> int:
    """Repeat the run of the workspace OUT from its recon.json, in another folder, and say what differs.

    Photos, plan, seed, threads and weights have to be what they were; versions may differ, and are compared. With
    one thread the models have to be the same bytes, with several the same photos at poses within 0.05 degrees
    and 0.1 % of the scene: the exit status is 0 then, and else 1.

    \b
    Examples:
      recon replay photos-recon
      recon replay photos-recon -o /tmp/again --json > replay.json
      recon replay photos-recon --photos /media/card/photos      # they have moved
    """
    try:
        found = _replay(out, **options)
    except ReconError as error:
        if as_json:
            print_json(_failed(error))
        raise
    if as_json:
        print_json(found.as_dict())
    else:
        for line in _lines(found):
            click.echo(line)
    return 0 if found.is_same else 1


def _replay(out: Path, output: Path | None, photos: Path | None, plugins_dir: Path | None, fresh: bool) -> Replay:
    from recon.cli.watching import watched
    from recon.core.registry import load_plugins
    from recon.replay import replay

    registry = load_plugins(plugins_dir)
    with watched() as (observer, should_stop):
        return replay(out, registry, output, photos, fresh=fresh, observers=[observer], should_stop=should_stop)


def _lines(found: Replay) -> list[str]:
    lines = [f"then      {found.then}", f"now       {found.now}"]
    lines += [f"differs   {each.describe()}" for each in found.differences]
    if not found.differences:
        lines.append("plan      the same, and so are versions, weights and the key of every stage")
    lines += _model_lines(found)
    if found.is_same:
        lines.append("same      yes" if found.is_identical else "same      yes, within what several threads promise")
    else:
        lines.append(f"same      no{_why(found)}")
    return [*lines, f"command   {found.command}"]


def _model_lines(found: Replay) -> list[str]:
    then, now = found.errors
    if found.model is None:
        return [f"model     {_ending(then)} then, {_ending(now)} now"]
    model = found.model
    lines = [f"model     {model.registered[0]} photos registered then, {model.registered[1]} now"]
    lines += [f"          only then: {', '.join(model.only_then)}"] if model.only_then else []
    lines += [f"          only now: {', '.join(model.only_now)}"] if model.only_now else []
    lines.append(f"          {model.points[0]:,} points then, {model.points[1]:,} now")
    if model.rotation_deg is not None and model.center_share is not None:
        lines.append(
            f"poses     {model.rotation_deg:.2g} deg and {100 * model.center_share:.2g} % of the scene at most"
        )
    lines.append(f"bytes     {', '.join(found.other_files)} differ" if found.other_files else "bytes     identical")
    return lines


def _ending(error: str | None) -> str:
    return "a model" if error is None else error


def _why(found: Replay) -> str:
    if found.differences:
        return ": see what differs above"
    if found.threads > 1:
        return f": with {found.threads} threads sums come in another order each time; --threads 1 repeats to the byte"
    return ": nothing on record explains it: please report this"


def _failed(error: ReconError) -> dict[str, Any]:
    return {"same": None, "identical": None, "differences": [], "model": None, "error": error.as_dict()}
