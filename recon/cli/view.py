"""`recon view`: a model in a window, or drawn into a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recon.core.errors import Cause, ReconError

if TYPE_CHECKING:
    import pycolmap

_MIN_SIDE_PX, _MAX_SIDE_PX = 16, 8192


class _Size(click.ParamType[tuple[int, int]]):
    """Width and height as `1600x1000`."""

    name = "WxH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        parts = str(value).lower().split("x")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            self.fail(f"{value!r} is not a size like 1600x1000", param, ctx)
        width, height = int(parts[0]), int(parts[1])
        if not _MIN_SIDE_PX <= min(width, height) <= max(width, height) <= _MAX_SIDE_PX:
            self.fail(f"{value!r}: a side has {_MIN_SIDE_PX} to {_MAX_SIDE_PX} pixels", param, ctx)
        return width, height


@click.command("view")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--screenshot", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw a picture, open no window."
)
@click.option(
    "--size", type=_Size(), metavar="WxH", default="1600x1000", show_default=True, help="Of the picture, in pixels."
)
@click.option(
    "--renderer",
    type=click.Choice(["auto", "open3d", "plain"]),
    default="auto",
    show_default=True,
    help="What draws the picture: open3d needs a graphics driver (Mesa's will do), plain needs nothing.",
)
def command(out: Path, screenshot: Path | None, size: tuple[int, int], renderer: str) -> None:
    """Show the points and cameras of a model.

    OUT is a workspace of `recon run`, or any COLMAP model folder, binary or text.

    \b
    In the window:
      drag             turn; with Shift: roll; with Ctrl: move
      mouse wheel      zoom
      + -              larger, smaller points
      C                cameras on, off
      1 2 3            colour by photos, by number of photos that see a point, by error
      B                dark, white background
      R                back to the first view
      S                save a picture: recon-view-1.png, ... in the current folder
      Q                quit

    \b
    Examples:
      recon view photos-recon
      recon view photos-recon --screenshot model.png --size 1920x1080
    """
    from recon.engine.models import read_model

    model = read_model(out)
    orientations = _orientations(out, model)
    if screenshot is not None:
        _draw(model, screenshot, size, orientations, renderer)
        return
    from recon.output.viewer_process import require_screen, show_model

    require_screen()
    click.echo("In the window: drag to turn, wheel to zoom, + - point size, C cameras, 1 2 3 colours, B background,")
    click.echo("R first view, S save a picture, Q quit (`recon view --help` explains them)")
    show_model(model, f"recon: {out}", orientations)


def _draw(
    model: pycolmap.Reconstruction, path: Path, size: tuple[int, int], orientations: dict[str, int], renderer: str
) -> None:
    from recon.output import picture, viewer_process
    from recon.output.files import write_errors

    with write_errors(path):
        if renderer == "plain":
            picture.draw_model(model, path, size, orientations)
        else:
            try:
                viewer_process.screenshot(model, path, size, orientations)
            except ReconError as error:
                if renderer == "open3d" or error.code is not Cause.MISSING_LIBRARY:
                    raise
                click.echo(f"note: {error.message}; drawn without it ({error.try_})", err=True)
                picture.draw_model(model, path, size, orientations)
    photos, points = model.num_reg_images(), model.num_points3D()
    click.echo(f"{path}: {size[0]}x{size[1]}, {photos} photos, {points:,} points")


def _orientations(out: Path, model: pycolmap.Reconstruction) -> dict[str, int]:
    """Return EXIF orientations other than 1 by image name, where `out` is a workspace whose photos are still there."""
    from recon.matching.photo_orientations import photo_orientations

    try:
        photos = Path(json.loads((out / "recon.json").read_text("utf-8"))["photos"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return photo_orientations(photos, [model.image(image_id).name for image_id in model.reg_image_ids()])
