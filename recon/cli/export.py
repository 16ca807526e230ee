"""`recon export`: a model in the format of another tool, by an exporter plugin."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from recon.cli.plugins import plugins_dir_option
from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind


class _WithFormats(click.Command):
    """Lists the installed formats at the end of its help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from recon.core.registry import load_plugins

        with formatter.section("Formats"):
            formatter.write_dl([(o.spec.name, o.spec.summary) for o in load_plugins().offers(Kind.EXPORTER)])


@click.command("export", cls=_WithFormats)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("format_name", metavar="FORMAT")
@click.argument("dest", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is there; other files in a folder stay.")
@click.option("--set", "settings", multiple=True, metavar="NAME.OPTION=VALUE", help="Set an option of the format.")
@plugins_dir_option
def command(
    out: Path, format_name: str, dest: Path, force: bool, settings: tuple[str, ...], plugins_dir: Path | None
) -> None:
    """Write the best model of OUT in another tool's FORMAT to DEST.

    OUT is a workspace of `recon run`, or any COLMAP model folder. DEST is a file or a folder, as the format
    has it; it is complete or not there at all.

    \b
    Examples:
      recon export photos-recon ply points.ply
      recon export photos-recon colmap-text model-text/
    """
    from recon.core.components import RunContext
    from recon.core.options import Settings
    from recon.core.registry import load_plugins
    from recon.engine.models import read_model
    from recon.output.files import write_errors

    offer = load_plugins(plugins_dir).find(Kind.EXPORTER, format_name)
    chosen = Settings.from_texts(settings)
    chosen.check_used([offer])
    exporter = offer.spec.create(chosen.options_for(Kind.EXPORTER, offer.spec, {}), RunContext())
    model = read_model(out)
    if not force:
        _check_free(dest)
    with (
        write_errors(dest),
        tempfile.TemporaryDirectory(dir=dest.resolve().parent, prefix=".recon-export-") as folder,
    ):
        made = Path(folder) / dest.resolve().name
        exporter.export(model, made)
        _move(made, dest)
    click.echo(f"{dest}: {format_name}, {model.num_reg_images()} photos, {model.num_points3D():,} points")


def _check_free(dest: Path) -> None:
    if dest.exists() and not (dest.is_dir() and not any(dest.iterdir())):
        raise UsageError(
            f"{dest} is there already",
            code=Cause.NOT_WRITABLE,
            file=str(dest),
            try_="give another name, or replace it with --force",
        )


def _move(made: Path, dest: Path) -> None:
    if made.is_dir() and dest.is_dir():
        for path in sorted(made.iterdir()):
            _move(path, dest / path.name)
        return
    if made.is_dir() != dest.is_dir() and dest.exists():
        made_kind, dest_kind = ("a folder", "a file") if made.is_dir() else ("a file", "a folder")
        raise UsageError(
            f"this format makes {made_kind}, and {dest} is {dest_kind}",
            code=Cause.BAD_VALUE,
            file=str(dest),
            try_="give another name",
        )
    shutil.move(made, dest)
