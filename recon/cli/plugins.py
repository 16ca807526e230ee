"""`recon plugins`: what is installed, what does not load and why, and the beginning of a new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.core.kinds import Kind
from recon.scaffold import KINDS, write_package

if TYPE_CHECKING:
    from recon.core.registry import Offer, PluginRegistry

plugins_dir_option = click.option(
    "--plugins-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of one-file plugins (*.py), besides those installed.",
)


@click.group("plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plugins_dir_option
@click.pass_context
def command(context: click.Context, as_json: bool, plugins_dir: Path | None) -> int:
    """List the installed plugins, whether their weights are here, and those that do not load.

    The exit status is 1 when a plugin does not load. RECON_DISABLE_PLUGINS=NAME,... switches plugins off.

    \b
    Examples:
      recon plugins
      recon plugins show sift                  # its options
      recon plugins new my-feature             # a package to begin with
    """
    if context.invoked_subcommand is not None:
        return 0
    from recon.core.registry import load_plugins

    registry = load_plugins(plugins_dir)
    if as_json:
        click.echo(json.dumps(_as_dict(registry), indent=2))
    else:
        _print(registry)
    return 1 if registry.problems else 0


@command.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@plugins_dir_option
def show(name: str, as_json: bool, plugins_dir: Path | None) -> None:
    """Tell everything about the components of NAME: licence, weights, options with their defaults."""
    from recon.core.registry import load_plugins

    chosen = load_plugins(plugins_dir).named(name)
    if as_json:
        click.echo(json.dumps({"plugins": [_offer_as_dict(offer) for offer in chosen]}, indent=2))
        return
    for offer in chosen:
        _print_offer(offer)


@command.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in KINDS]),
    default=Kind.EXTRACTOR.value,
    show_default=True,
    help="What it offers.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The package's folder; default: ./recon-NAME.",
)
def new(name: str, kind: str, output: Path | None) -> None:
    """Write a complete package for a plugin called NAME, which works and passes its tests as written."""
    from recon.core.errors import Cause, UsageError
    from recon.core.registry import load_plugins

    wanted = Kind(kind)
    for offer in load_plugins().offers():
        if offer.spec.name == name and offer.kind.namespace == wanted.namespace:
            raise UsageError(
                f"{wanted.noun} {name!r} is already offered by {offer.package}; recon refuses a second one",
                code=Cause.BAD_VALUE,
                try_="choose another name",
            )
    folder = output or Path(f"recon-{name}")
    paths = write_package(wanted, name, folder)
    for path in paths:
        click.echo(str(path))
    click.echo(f"\nnext: pip install -e {folder}, then `pytest {folder}` and `recon plugins`", err=True)


def _as_dict(registry: PluginRegistry) -> dict[str, Any]:
    return {
        "plugins": [_offer_as_dict(offer) for offer in registry.offers()],
        "problems": [
            {"plugin": problem.plugin, "package": problem.package, "reason": problem.reason}
            for problem in registry.problems
        ],
        "disabled": list(registry.disabled),
    }


def _offer_as_dict(offer: Offer) -> dict[str, Any]:
    from recon.weights import locate_weights

    spec = offer.spec
    weights = [(file, locate_weights(file)) for file in spec.weights]
    return {
        "name": spec.name,
        "kind": str(offer.kind),
        "summary": spec.summary,
        "plugin": offer.plugin,
        "package": offer.package,
        "version": offer.version,
        "licence": spec.licence,
        "devices": list(spec.devices),
        "weights_present": all(path is not None for _, path in weights),
        "weights": [
            {
                "name": file.name,
                "present": path is not None,
                "path": str(path) if path else None,
                "licence": file.licence,
            }
            for file, path in weights
        ],
        "options": _options(offer),
    }


def _options(offer: Offer) -> dict[str, Any]:
    """Return each option's default (None where it is made anew each time) and type, for JSON and people."""
    from recon.core.options import option_types
    from recon.core.values import describe_type

    defaults = offer.spec.options()
    return {
        name: {"default": _plain(getattr(defaults, name)), "type": describe_type(wanted)}
        for name, wanted in option_types(offer.spec).items()
    }


def _plain(value: object) -> object:
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _print(registry: PluginRegistry) -> None:
    from recon.cli.tables import print_table

    rows = []
    for offer in registry.offers():
        told = _offer_as_dict(offer)
        weights = "-" if not told["weights"] else "present" if told["weights_present"] else "missing"
        rows.append(
            (told["name"], told["kind"], told["package"], told["version"], told["licence"], weights, told["summary"])
        )
    print_table(("Name", "Kind", "Package", "Version", "Licence", "Weights", "Summary"), rows)
    if registry.disabled:
        click.echo(f"switched off by RECON_DISABLE_PLUGINS: {', '.join(registry.disabled)}")
    for problem in registry.problems:
        click.echo(f"does not load: {problem.plugin} of {problem.package}: {problem.reason}")


def _print_offer(offer: Offer) -> None:
    from recon.cli.tables import print_table

    told = _offer_as_dict(offer)
    click.echo(f"{told['name']}: {told['summary']}")
    for title in ("kind", "plugin", "package", "version", "licence"):
        click.echo(f"  {title}: {told[title]}")
    click.echo(f"  devices: {', '.join(told['devices'])}")
    for file in told["weights"]:
        click.echo(f"  weights: {file['name']}: {file['path'] or 'missing'}")
    if told["options"]:
        rows = [(f"{name}", str(option["default"]), option["type"]) for name, option in told["options"].items()]
        print_table(("Option", "Default", "Takes"), rows)
