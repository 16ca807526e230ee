"""`recon view`: models in a window, or drawn into a picture or film."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recon.cli.view_pictures import draw, film, flight, turn
from recon.core.errors import Cause, ReconError, UsageError

if TYPE_CHECKING:
    from recon.output.view_scene import ViewScene

_MIN_SIDE_PX, _MAX_SIDE_PX = 16, 8192
_PICTURE_SIZE, _FILM_SIZE = (1600, 1000), (960, 600)
_COLORS = {"photos": "colors", "images": "colors_by_images", "error": "colors_by_error", "model": "colors_by_model"}
_KEYS = """In the window: drag to turn, wheel to zoom, click a point or a photo to pick it, two to measure or compare;
+ - point size, C cameras, T photos, 1 2 3 4 colours, F fly along the cameras, P pick in the middle,
B background, R first view, S save a picture, Q quit (`recon view --help` explains them)"""


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
@click.argument("outs", metavar="OUT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--all-models", is_flag=True, help="Show all models of a run side by side, not only the largest.")
@click.option("--live", is_flag=True, help="Follow a run: the model grows in the window.")
@click.option(
    "--screenshot", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw a picture, open no window."
)
@click.option(
    "--size", type=_Size(), metavar="WxH", help="Of the picture (default 1600x1000) or film (960x600), in pixels."
)
@click.option(
    "--renderer",
    type=click.Choice(["auto", "open3d", "plain"]),
    default="auto",
    show_default=True,
    help="What draws the picture: open3d needs a graphics driver (Mesa's will do), plain needs nothing.",
)
@click.option(
    "--colors",
    type=click.Choice(list(_COLORS)),
    default="photos",
    show_default=True,
    help="Of the points in a picture or film: by photos, by how many of them see a point, by error, by model.",
)
@click.option(
    "--turntable", type=click.Path(path_type=Path), metavar="FILE.mp4", help="Draw a film of one turn around the model."
)
@click.option(
    "--fly-through",
    type=click.Path(path_type=Path),
    metavar="FILE.mp4",
    help="Draw a film of a flight along the cameras.",
)
@click.option(
    "--seconds", type=click.FloatRange(0.2, 120), default=6.0, show_default=True, help="That the turn or flight takes."
)
@click.option("--web", is_flag=True, help="Show the model in a browser, served to this machine alone (127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of --web; default: any that is free.")
def command(
    outs: tuple[Path, ...],
    all_models: bool,
    live: bool,
    screenshot: Path | None,
    size: tuple[int, int] | None,
    renderer: str,
    colors: str,
    turntable: Path | None,
    fly_through: Path | None,
    seconds: float,
    web: bool,
    port: int,
) -> None:
    """Show the points and cameras of models.

    OUT is a workspace of `recon run`, or any COLMAP model folder, binary or text. Several stand side by side; those
    of unknown scale are drawn alike in size.

    \b
    In the window:
      drag             turn; with Shift: roll; with Ctrl: move
      mouse wheel      zoom
      click            a point: lines to all photos that see it; a second one: the distance between the two;
                       a photo: lines to the points it sees; a second one: lines between their matches;
                       beside everything: nothing any more. What is picked is told in the terminal.
      P                pick what is in the middle of the window
      + -              larger, smaller points
      C                cameras on, off
      T                photos in the cameras on, off
      1 2 3 4          colour by photos, by number of photos that see a point, by error, by model
      F                fly along the cameras; again: stop
      B                dark, white background
      R                back to the first view
      S                save a picture: recon-view-1.png, ... in the current folder
      Q                quit

    Distances are metres where the model has them (GPS, `recon scale`), else the model's own units.

    \b
    Examples:
      recon view photos-recon
      recon view photos-recon --live                          while `recon run` is at work in another terminal
      recon view photos-recon --all-models
      recon view with-sift with-xfeat --screenshot both.png --colors model
      recon view photos-recon --screenshot model.png --size 1920x1080
      recon view photos-recon --turntable model.mp4
      recon view photos-recon --fly-through flight.mp4 --seconds 12
      recon view photos-recon --web
    """
    chosen = [("--screenshot", screenshot), ("--turntable", turntable), ("--fly-through", fly_through)]
    _refuse_two([name for name, value in [*chosen, ("--web", web), ("--live", live)] if value], outs)
    if web:
        _serve(outs[0], port)
    elif live:
        _watch(outs[0])
    elif screenshot is not None:
        size = size or _PICTURE_SIZE
        draw(_colored(_read(outs, all_models, size), colors).scene, screenshot, size, renderer)
    elif turntable is not None or fly_through is not None:
        size = size or _FILM_SIZE
        shown = _colored(_read(outs, all_models, size), colors)
        if turntable is not None:
            film(shown.scene, turn(shown, seconds), turntable, size)
        elif fly_through is not None:
            film(shown.scene, flight(shown, size, seconds), fly_through, size)
    else:
        _show(outs, all_models, port)


def _refuse_two(given: list[str], outs: tuple[Path, ...]) -> None:
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude each other", code=Cause.BAD_VALUE, try_="give one of them")
    if len(outs) > 1 and given in (["--web"], ["--live"]):
        raise UsageError(f"{given[0]} shows one OUT", code=Cause.BAD_VALUE, try_=f"recon view {outs[0]} {given[0]}")


def _read(outs: tuple[Path, ...], all_models: bool, size: tuple[int, int], with_photos: bool = False) -> ViewScene:
    from recon.cli.view_inputs import read_shown
    from recon.output.view_models import view_scene

    return view_scene(read_shown(outs, all_models, with_photos), size)


def _colored(shown: ViewScene, colors: str) -> ViewScene:
    scene = replace(shown.scene, colors=getattr(shown.scene, _COLORS[colors]))
    return replace(shown, scene=scene)


def _show(outs: tuple[Path, ...], all_models: bool, port: int) -> None:
    from recon.output.viewer_process import require_screen, show_scene

    require_screen()
    shown = _read(outs, all_models, _PICTURE_SIZE, with_photos=True)
    click.echo(_KEYS)
    try:
        show_scene(shown, f"recon: {', '.join(map(str, outs))}")
    except ReconError as error:
        if error.code is not Cause.MISSING_LIBRARY or len(outs) > 1:
            raise
        click.echo(f"note: {error.message} ({error.try_}); showing the model in a browser instead", err=True)
        _serve(outs[0], port)
    except KeyboardInterrupt:
        click.echo()


def _watch(out: Path) -> None:
    from recon.cli.view_live import follow
    from recon.output.viewer_process import require_screen, show_scene

    require_screen()
    with follow(out, _PICTURE_SIZE) as run:
        click.echo(f"waiting for the first model of {out}; Ctrl-C ends it")
        try:
            first = run.first()
            click.echo(_KEYS)
            show_scene(first, f"recon: {out}", run.newer)
        except KeyboardInterrupt:
            click.echo()


def _serve(out: Path, port: int) -> None:
    from recon.core.executor import available_threads
    from recon.output.viewer_process import has_screen
    from recon.report.serving import serve_page
    from recon.report.writing import make_page

    def ready(address: str) -> None:
        click.echo(f"{address} shows the model, on this machine alone; Ctrl-C ends it")
        if has_screen():
            click.launch(address)

    page = make_page(out, threads=available_threads())
    try:
        serve_page(page.encode("utf-8"), port, ready)
    except KeyboardInterrupt:
        click.echo()
