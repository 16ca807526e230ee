"""Pictures and films of `recon view`, drawn without a window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recon.core.errors import Cause, ReconError, UsageError

if TYPE_CHECKING:
    from recon.output.scene import Scene
    from recon.output.view_scene import ViewScene
    from recon.output.viewpoint import Viewpoint


def turn(shown: ViewScene, seconds: float) -> list[Viewpoint]:
    """Return the viewpoints of a film of one turn."""
    from recon.output.turntable import num_frames
    from recon.output.turntable import turn as turn_of
    from recon.output.view_scene import mean_up

    return list(turn_of(shown.scene, mean_up(shown.links), num_frames(seconds)))


def flight(shown: ViewScene, size: tuple[int, int], seconds: float) -> list[Viewpoint]:
    """Return the viewpoints of a film along the cameras."""
    from recon.output.turntable import num_frames
    from recon.output.view_flight import fly_along

    if not shown.links.names:
        raise UsageError(
            "the model has no cameras to fly along",
            code=Cause.BAD_VALUE,
            try_="a film of one turn needs none: --turntable FILE.mp4",
        )
    return fly_along(shown, size, num_frames(seconds))


def film(scene: Scene, viewpoints: list[Viewpoint], path: Path, size: tuple[int, int]) -> None:
    """Write a film, and say so."""
    from recon.core.executor import available_threads
    from recon.output.files import write_errors
    from recon.output.turntable import check_film_name, draw_film

    check_film_name(path)
    with write_errors(path), click.progressbar(length=100, label="drawing", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(100 * done // total - bar.pos)

        frames = draw_film(scene, viewpoints, path, size, available_threads(), progress)
    click.echo(f"{path}: {size[0]}x{size[1]}, {frames} frames")


def draw(scene: Scene, path: Path, size: tuple[int, int], renderer: str) -> None:
    """Write a picture, and say so; where Open3D cannot draw and need not, we do."""
    from recon.output import picture, viewer_process
    from recon.output.files import write_errors

    with write_errors(path):
        if renderer == "plain":
            picture.save_picture(picture.render(scene, size), path)
        else:
            try:
                viewer_process.screenshot(scene, path, size)
            except ReconError as error:
                if renderer == "open3d" or error.code is not Cause.MISSING_LIBRARY:
                    raise
                click.echo(f"note: {error.message}; drawn without it ({error.try_})", err=True)
                picture.save_picture(picture.render(scene, size), path)
    click.echo(f"{path}: {size[0]}x{size[1]}, {scene.num_cameras} photos, {len(scene.positions):,} points")
