"""`recon mesh`: a quick look at the surface behind a model's sparse points."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.core.errors import Cause, ReconError, UsageError

if TYPE_CHECKING:
    from recon.surface import Mesh

_PATH = click.Path(path_type=Path)
_ARRAYS = ("vertices", "triangles", "colors")


@click.command(
    "mesh",
    cls=JsonCommand,
    refused=lambda error: _failed(error),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("out", type=_PATH)
@click.option("-o", "--output", type=_PATH, metavar="FILE.ply", help="Default: mesh.ply in OUT.")
@click.option(
    "--method",
    type=click.Choice(["poisson", "ball"]),
    default="poisson",
    show_default=True,
    help="poisson: smooth; ball: through the points themselves, with more holes.",
)
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Default: as many as there are cores.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(out: Path, output: Path | None, method: str, threads: int | None, force: bool, as_json: bool) -> None:
    """Put a surface through the sparse points of OUT's best model, as a quick look.

    OUT is a workspace of `recon run`, or any COLMAP model folder. Uncertain points and outliers are left out, what
    photos look through is carved away, and there are holes where nothing was matched: it shows the shape and is no
    measurement. For a dense surface use OpenMVS, or COLMAP with an NVIDIA card.

    \b
    Examples:
      recon mesh photos-recon
      recon mesh photos-recon --method ball -o /tmp/mesh.ply --force
    """
    start = time.perf_counter()
    path = output or out / "mesh.ply"
    try:
        mesh, units = _make(out, path, method, threads, force)
    except ReconError as error:
        if as_json:
            print_json(_failed(error))
        raise
    told: dict[str, Any] = {
        "file": str(path),
        "vertices": len(mesh.vertices),
        "triangles": len(mesh.triangles),
        **{field.name: getattr(mesh, field.name) for field in fields(mesh) if field.name not in _ARRAYS},
        "units": units,
        "seconds": round(time.perf_counter() - start, 2),
        "error": None,
    }
    if as_json:
        print_json(told)
        return
    click.echo(f"mesh      {path}")
    click.echo(f"surface   {told['vertices']:,} vertices, {told['triangles']:,} triangles")
    click.echo(
        f"from      {mesh.num_points:,} sparse points; {mesh.num_uncertain:,} uncertain ones and "
        f"{mesh.num_outliers:,} outliers are left out"
    )
    click.echo(f"carved    {mesh.num_carved:,} triangles that photos look through")
    click.echo(f"covers    {100 * mesh.covered:.0f} % of these points; they are {mesh.spacing:.3g} apart ({units})")
    click.echo("          a quick look: between the points it is a guess, and it has holes where nothing was matched")


def _make(out: Path, path: Path, method: str, threads: int | None, force: bool) -> tuple[Mesh, str]:
    from recon.core.executor import available_threads
    from recon.engine.models import frame_of, read_model
    from recon.output.files import write_errors
    from recon.surface import Method, SurfaceOptions, make_mesh, write_mesh

    if path.suffix.lower() != ".ply":
        raise UsageError(f"{path} does not end in .ply", code=Cause.BAD_VALUE, file=str(path), try_="give -o FILE.ply")
    if path.exists() and not force:
        raise UsageError(
            f"{path} is there already", code=Cause.NOT_WRITABLE, file=str(path), try_="give --force to replace it"
        )
    model, frame = read_model(out), frame_of(out)
    mesh = make_mesh(model, SurfaceOptions(Method(method), threads or available_threads()))
    with write_errors(path):
        write_mesh(mesh, path, frame)
    return mesh, str(frame.units)


def _failed(error: ReconError) -> dict[str, Any]:
    return {"file": None, "vertices": 0, "triangles": 0, "error": error.as_dict()}
