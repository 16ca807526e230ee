"""`recon export`: a model in the format of another tool, by an exporter plugin."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.plugins import plugins_dir_option
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.frame import frame_from_dict
from recon.core.kinds import Kind

if TYPE_CHECKING:
    from recon.core.components import ComponentSpec
    from recon.output.export_proof import ExportCheck

_PHOTOS = "photos"
"""An exporter whose options have this field is told where the photos are."""


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
@click.option(
    "--photos",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the photos are, for formats that take them along; default: where the run found them.",
)
@click.option("--clean", is_flag=True, help="Leave out points that are uncertain or far from all others; see above.")
@click.option("--check", is_flag=True, help="Read the export back, compare it with the model, and print the proof.")
@click.option("--force", is_flag=True, help="Replace what is there; other files in a folder stay.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--set", "settings", multiple=True, metavar="NAME.OPTION=VALUE", help="Set an option of the format.")
@plugins_dir_option
def command(
    out: Path,
    format_name: str,
    dest: Path,
    photos: Path | None,
    clean: bool,
    check: bool,
    force: bool,
    as_json: bool,
    settings: tuple[str, ...],
    plugins_dir: Path | None,
) -> None:
    """Write the best model of OUT in another tool's FORMAT to DEST.

    OUT is a workspace of `recon run`, or any COLMAP model folder. DEST is a file or a folder, as the format
    has it; it is complete or not there at all.

    With --check the export is read back by a reader of its own before it takes its place: names, counts, poses,
    points and the reprojection error computed anew from it. Where it differs from the model, nothing is written
    and the exit status is 1.

    With --clean the points stay out that have an error over 2 px or an angle below 1.5 degrees between their rays,
    and those unusually far from their neighbours. OUT keeps them.

    \b
    Examples:
      recon export photos-recon ply points.ply
      recon export photos-recon ply clean.ply --clean
      recon export photos-recon nerfstudio dataset/ --check
      recon export photos-recon/sparse/0 gsplat splat/ --photos photos/
    """
    from recon.core.components import RunContext
    from recon.core.executor import available_threads
    from recon.core.options import Settings
    from recon.core.registry import load_plugins
    from recon.engine.models import frame_of, read_model
    from recon.output.files import write_errors

    offer = load_plugins(plugins_dir).find(Kind.EXPORTER, format_name)
    if check:
        from recon.output.export_check import require_reader

        require_reader(offer.spec.name)
    chosen = Settings.from_texts(settings)
    chosen.check_used([offer])
    model = read_model(out)
    cleaning = None
    if clean:
        from recon.output.cleaning import cleaned

        cleaning = cleaned(model)
        model = cleaning.model
    is_set = any(entry.option == _PHOTOS for entry in chosen.entries)
    defaults = {} if is_set else _photos_default(offer.spec, out, photos)
    options = chosen.options_for(Kind.EXPORTER, offer.spec, defaults)
    notes = [] if cleaning is None else [cleaning.describe()]
    frame = frame_of(out)
    exporter = offer.spec.create(options, RunContext(threads=available_threads(), note=notes.append, frame=frame))
    if not force:
        _check_free(dest)
    proof = None
    with (
        write_errors(dest),
        tempfile.TemporaryDirectory(dir=dest.resolve().parent, prefix=".recon-export-") as folder,
    ):
        made = Path(folder) / dest.resolve().name
        exporter.export(model, made)
        if check:
            from recon.output.export_check import check_export

            proof = check_export(model, offer.spec.name, made)
        if proof is None or proof.agrees:
            _move(made, dest)
    result: dict[str, Any] = {
        "format": offer.spec.name,
        "dest": str(dest),
        "photos": model.num_reg_images(),
        "points3D": model.num_points3D(),
        "left_out": None if cleaning is None else cleaning.as_dict(),
        "units": str(frame.units),
        "frame": frame.as_dict(),
        "notes": notes,
    }
    _print(result, proof, as_json)
    if proof is not None and not proof.agrees:
        raise ReconError(
            f"the {format_name} export differs from the model, and was not kept",
            code=Cause.CORRUPT_FILE,
            file=str(dest),
            try_="export another format, or leave --check out to look at it; please report this",
        )


def _photos_default(spec: ComponentSpec[Any], out: Path, given: Path | None) -> dict[str, Any]:
    """Return where the photos are, for an exporter that asks: as given, as the run says, or beside the model."""
    if _PHOTOS not in {field.name for field in dataclasses.fields(spec.options)}:
        if given is not None:
            raise UsageError(
                f"the format {spec.name!r} takes no photos along",
                code=Cause.BAD_VALUE,
                try_="leave --photos out",
            )
        return {}
    folder = given or _photos_of(out)
    if folder is None:
        raise UsageError(
            f"{spec.name} takes the photos along, and {out} does not say where they are",
            code=Cause.MISSING_FILE,
            file=str(out),
            try_=f"add --photos DIR, or --set {spec.name}.{_PHOTOS}=none to leave them out",
        )
    if not folder.is_dir():
        raise UsageError(
            f"the photos' folder {folder} is not there",
            code=Cause.MISSING_FILE,
            file=str(folder),
            try_="say with --photos DIR where the photos are now",
        )
    return {_PHOTOS: folder}


def _photos_of(out: Path) -> Path | None:
    from recon.workspace.manifest import read_manifest

    if (out / "recon.json").is_file():
        return Path(read_manifest(out / "recon.json").photos)
    return out / "images" if (out / "images").is_dir() else None


def _print(result: dict[str, Any], proof: ExportCheck | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result | {"check": None if proof is None else proof.as_dict()}))
        return
    click.echo(f"{result['dest']}: {result['format']}, {result['photos']} photos, {result['points3D']:,} points")
    click.echo(f"units     {frame_from_dict(result['frame']).describe()}")
    for note in result["notes"]:
        click.echo(f"note      {note}")
    for line in () if proof is None else proof.lines():
        click.echo(line)


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
            inside = dest / path.name
            if inside.is_symlink() and inside.is_dir():  # else files would go where the link leads
                raise UsageError(
                    f"{inside} is a link to a folder elsewhere",
                    code=Cause.NOT_WRITABLE,
                    file=str(inside),
                    try_="remove the link, or give another name",
                )
            _move(path, inside)
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
