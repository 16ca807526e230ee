"""`recon scale`: metres, from a length between two marked points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.core.errors import Cause, ReconError, UsageError

if TYPE_CHECKING:
    from recon.georeference.marked_points import Mark
    from recon.scaling import Scaling

_FILE = click.Path(path_type=Path)
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_MARK = re.compile(rf"(.+):({_NUMBER}),({_NUMBER})", re.DOTALL)
_LENGTH = re.compile(rf"\s*({_NUMBER})\s*([a-zA-Z]+)\s*")
_METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0, "in": 0.0254, "ft": 0.3048}
_BETWEEN = "\0"
"""No argument of a command holds it."""


class _ScaleCommand(JsonCommand):
    """Lets --points take as many marks as follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join the marks that follow each --points into one value."""
        joined: list[str] = []
        takes_marks = False
        for argument in args:
            if argument == "--points":
                takes_marks = True
                joined.append("--points=")
            elif takes_marks and _MARK.fullmatch(argument):
                joined[-1] += ("" if joined[-1].endswith("=") else _BETWEEN) + argument
            else:
                takes_marks = False
                joined.append(argument)
        return super().parse_args(ctx, joined)


def _refused(error: ReconError) -> dict[str, Any]:
    return {"units": None, "error": error.as_dict()}


@click.command("scale", cls=_ScaleCommand, refused=_refused, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("out", type=_FILE)
@click.option(
    "--points",
    "points",
    multiple=True,
    required=True,
    metavar="PHOTO:X,Y PHOTO:X,Y ...",
    help="One end of the length, marked in two photos or more; give it twice.",
)
@click.option("--length", required=True, metavar="1.20m", help="Between the two points; mm, cm, m, km, in or ft.")
@click.option(
    "--pixel-error",
    type=click.FloatRange(0.01, 100),
    default=1.0,
    show_default=True,
    metavar="PX",
    help="How exactly the points are marked (standard error).",
)
@click.option("--stored-pixels", is_flag=True, help="X,Y count in the file's pixels, before EXIF turns the photo.")
@click.option("-o", "--output", type=_FILE, metavar="DIR", help="Write the scaled model there, and leave OUT as it is.")
@click.option("--dry-run", is_flag=True, help="Measure, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    out: Path,
    points: tuple[str, ...],
    length: str,
    pixel_error: float,
    stored_pixels: bool,
    output: Path | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Give the model of OUT metres, by a length between two points marked in its photos.

    OUT is a workspace of `recon run`, whose sparse/0 and points.ply are replaced, or a COLMAP model folder (with -o).
    X,Y are pixels of the full-size photo from its top left corner, upright as a viewer shows it. Mark each point in two
    photos that were taken far apart, and points that lie far apart: the error that is printed comes from that.

    Scaling again replaces the scale. A later `recon run` that finds nothing to do keeps it; one that maps anew
    does not.

    \b
    Examples:
      recon scale photos-recon --points a.jpg:412,300 b.jpg:388,310 --points a.jpg:900,310 b.jpg:861,322 --length 1.20m
      recon scale photos-recon --points a.jpg:412,300 b.jpg:388,310 a.jpg:900,310 b.jpg:861,322 --length 4ft --dry-run
    """
    from recon.scaling import ScaleRequest, scale_model

    try:
        ends = _ends(points)
        if not stored_pixels:
            ends = _as_stored(ends, out)
        request = ScaleRequest(out, ends, _metres(length), pixel_error, output, dry_run)
        scaling = scale_model(request)
    except ReconError as error:
        if as_json:
            print_json(_refused(error))
        raise
    if as_json:
        print_json(_told(scaling, output or out, dry_run))
    else:
        _print(scaling, request.length_m, output or out, dry_run)
    return 0


def _ends(points: Sequence[str]) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    groups = [[_mark(text) for text in group.split(_BETWEEN)] for group in points]
    if len(groups) == 1 and len(groups[0]) == 4:
        groups = [groups[0][:2], groups[0][2:]]
    if len(groups) != 2 or any(len(group) < 2 for group in groups):
        raise _bad(
            "a length has two ends, each marked in two photos",
            "write --points A:x,y B:x,y for one end and again for the other; A and B are photos",
        )
    return tuple(groups[0]), tuple(groups[1])


def _mark(text: str) -> Mark:
    from recon.georeference.marked_points import Mark

    found = _MARK.fullmatch(text)
    if found is None:
        raise _bad(f"{text!r} is no mark", "write PHOTO:X,Y, as photo.jpg:412,300.5")
    return Mark(found[1], float(found[2]), float(found[3]))


def _metres(text: str) -> float:
    found = _LENGTH.fullmatch(text)
    if found is None or found[2].lower() not in _METRES:
        units = ", ".join(_METRES)
        raise _bad(f"--length {text}: no length with its unit", f"write 1.20m; units: {units}")
    return float(found[1]) * _METRES[found[2].lower()]


def _as_stored(ends: tuple[tuple[Mark, ...], ...], out: Path) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """Return the marks in the pixels that the files hold, where the photos are known and EXIF turns them."""
    from recon.matching.photo_orientations import photo_orientations
    from recon.workspace.manifest import read_manifest

    if not (out / "recon.json").is_file():
        return ends[0], ends[1]
    photos = Path(read_manifest(out / "recon.json").photos)
    names = sorted({mark.name for end in ends for mark in end})
    safe = [name for name in names if ".." not in name.split("/") and not name.startswith("/")]
    turned = photo_orientations(photos, safe)
    first, second = ([_stored(mark, turned.get(mark.name, 1), photos) for mark in end] for end in ends)
    return tuple(first), tuple(second)


def _stored(mark: Mark, orientation: int, photos: Path) -> Mark:
    import numpy as np

    from recon.core.data import ImageFile
    from recon.georeference.marked_points import Mark
    from recon.matching.formats import open_header
    from recon.matching.orientation import is_sideways, to_sensor_pixels

    if orientation == 1:
        return mark
    path = photos / mark.name
    with path.open("rb") as stream:
        width, height = open_header(stream).size
    image = ImageFile(mark.name, path, width, height, orientation)
    seen = (height, width) if is_sideways(orientation) else (width, height)
    x, y = to_sensor_pixels(np.array([[mark.x, mark.y]]), seen, image)[0]
    return Mark(mark.name, float(x), float(y))


def _told(scaling: Scaling, where: Path, is_dry: bool) -> dict[str, Any]:
    return {
        "model": str(where),
        "changed": not is_dry,
        "factor": scaling.factor,
        "length_before": scaling.length_before,
        "units_before": str(scaling.before.units),
        "units": str(scaling.frame.units),
        "relative_error": scaling.relative_error,
        "length_error_m": scaling.relative_error * scaling.frame.facts["length_m"],
        "ends": [
            {
                "xyz": [float(value) for value in end.xyz * scaling.factor],
                "marks_error_px": list(end.errors_px),
                "angle_deg": end.angle_deg,
            }
            for end in scaling.ends
        ],
        "frame": scaling.frame.as_dict(),
    }


def _print(scaling: Scaling, length_m: float, where: Path, is_dry: bool) -> None:
    for number, end in enumerate(scaling.ends, start=1):
        off = ", ".join(f"{error:.1f}" for error in end.errors_px)
        click.echo(f"point {number}   appears {off} px from its marks; the rays meet at {end.angle_deg:.1f} deg")
    click.echo(
        f"length    {length_m:g} m (± {scaling.relative_error * length_m:.2g} m), {scaling.length_before:.6g} before"
    )
    click.echo(f"factor    {scaling.factor:.6g}")
    click.echo(f"units     {scaling.frame.describe()}; before: {scaling.before.units}")
    click.echo("nothing was written (--dry-run)" if is_dry else f"model     {where}")


def _bad(message: str, next_step: str) -> UsageError:
    return UsageError(message, code=Cause.BAD_VALUE, try_=next_step)
