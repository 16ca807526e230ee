"""`recon weights`: the weight files that installed plugins declare, and where they lie."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recon.cli.plugins import plugins_dir_option

if TYPE_CHECKING:
    from recon.core.components import WeightsFile


@click.group("weights")
def command() -> None:
    """List, fetch and verify the weight files of plugins.

    A file is looked for in the folder that RECON_WEIGHTS names, then in the user's cache. NAME is a plugin's
    component, such as an extractor, or a weight file.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plugins_dir_option
def list_weights(as_json: bool, plugins_dir: Path | None) -> None:
    """List every weight file that an installed plugin declares."""
    from recon.cli.tables import print_table
    from recon.weights import cache_dir, locate_weights

    found = [(name, file, locate_weights(file)) for name, file in _declared(plugins_dir)]
    if as_json:
        files = [
            {
                "plugin": name,
                "name": file.name,
                "present": path is not None,
                "path": str(path) if path else None,
                "size": file.size,
                "licence": file.licence,
                "url": file.url,
                "sha256": file.sha256,
                "git_blob": file.git_blob,
            }
            for name, file, path in found
        ]
        click.echo(json.dumps({"weights": files, "cache": str(cache_dir())}, indent=2))
    elif found:
        rows = [(name, file.name, _megabytes(file), file.licence, str(path or "missing")) for name, file, path in found]
        print_table(("Plugin", "File", "Size", "Licence", "Path"), rows)
    else:
        click.echo("no installed plugin needs weights", err=True)


@command.command("get")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@plugins_dir_option
def get(names: Sequence[str], plugins_dir: Path | None) -> None:
    """Download the weight files of NAME that are not here, verify them, and print their paths."""
    from recon.weights import find_weights

    for component, file in _chosen(names, plugins_dir):
        path = find_weights(file, component, allow_download=True, note=lambda message: click.echo(message, err=True))
        click.echo(str(path))


@command.command("path")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@plugins_dir_option
def path(names: Sequence[str], plugins_dir: Path | None) -> None:
    """Print where the weight files of NAME lie; nothing is downloaded."""
    from recon.weights import find_weights

    for component, file in _chosen(names, plugins_dir):
        click.echo(str(find_weights(file, component)))


@command.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@plugins_dir_option
def verify(names: Sequence[str], plugins_dir: Path | None) -> int:
    """Compare the weight files with their published digests; exit status 1 when one differs, or a named one is missing.

    A file of your own that RECON_WEIGHTS holds differs rightly: a plugin takes it when its tensors fit.
    """
    from recon.weights import has_published_digest, locate_weights

    status = 0
    for component, file in _chosen(names, plugins_dir) if names else _declared(plugins_dir):
        here = locate_weights(file)
        if here is None:
            click.echo(f"{component}: {file.name}: missing")
            status = 1 if names else status
        elif has_published_digest(file, here):
            click.echo(f"{component}: {here}: as published")
        else:
            click.echo(f"{component}: {here}: differs from what was published")
            status = 1
    return status


def _declared(plugins_dir: Path | None) -> list[tuple[str, WeightsFile]]:
    """Return every declared weight file with the name of its component."""
    from recon.core.registry import load_plugins

    return [(offer.spec.name, file) for offer in load_plugins(plugins_dir).offers() for file in offer.spec.weights]


def _chosen(names: Sequence[str], plugins_dir: Path | None) -> Iterator[tuple[str, WeightsFile]]:
    from recon.core.errors import Cause, UsageError
    from recon.core.suggestions import did_you_mean

    declared = _declared(plugins_dir)
    choices = {choice for component, file in declared for choice in (component, file.name)}
    for name in names:
        if name not in choices:
            raise UsageError(
                f"no installed plugin named {name!r} has weights{did_you_mean(name, choices)}",
                code=Cause.UNKNOWN_PLUGIN,
                try_="`recon weights list` shows those that have",
            )
        yield from ((component, file) for component, file in declared if name in (component, file.name))


def _megabytes(file: WeightsFile) -> str:
    return f"{file.size / 1e6:.1f} MB" if file.size is not None else "?"
