"""`recon locate`: the pose of one photo in a model that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.cli.options import Numbers
from recon.cli.plugins import plugins_dir_option
from recon.core.errors import ReconError

if TYPE_CHECKING:
    from recon.locating import Location

_FILE = click.Path(path_type=Path)


def _refused(error: ReconError) -> dict[str, Any]:
    return {"located": False, "error": error.as_dict()}


@click.command("locate", cls=JsonCommand, refused=_refused, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("out", type=_FILE)
@click.argument("photo", type=_FILE)
@click.option("--camera-model", metavar="NAME", help="A COLMAP camera model; default SIMPLE_RADIAL.")
@click.option(
    "--camera-params", type=Numbers(), metavar="A,B,...", help="Its parameters in COLMAP's order and pixel origin."
)
@click.option("--photos", type=_FILE, metavar="DIR", help="Where the model's photos are now, if they were moved.")
@click.option("--picture", type=_FILE, metavar="FILE.png", help="Draw the points that the photo was located by.")
@plugins_dir_option
@click.option("--device", default="auto", metavar="auto|cpu|cuda[:N]|mps", help="Where plugins run.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: as many as there are cores.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, progress on stderr.")
def command(as_json: bool, picture: Path | None, **values: Any) -> int:
    """Say where PHOTO was taken, in the model of the workspace OUT, which stays as it is.

    The photo is matched as the run matched its own; it may lie anywhere. Its intrinsics are those of the model's camera
    where size, make, model, lens and focal length agree, else they are estimated with the pose. `center` is where the
    camera was, `cam_from_world` maps the model's points into it, as in COLMAP. The standard deviations are what the
    photo's own measurements leave open; the model counts as exact.

    The exit status is 1 when the photo is not found in the model.

    \b
    Examples:
      recon locate photos-recon new.jpg
      recon locate photos-recon new.jpg --json --picture located.png
    """
    try:
        location = _locate(values)
    except ReconError as error:
        if as_json:
            print_json(_refused(error))
        raise
    if picture is not None:
        _draw(location, picture)
    if as_json:
        print_json(location.as_dict())
    else:
        _print(location)
    return 0


def _locate(values: dict[str, Any]) -> Location:
    from recon.cli.watching import watched
    from recon.core.registry import load_plugins
    from recon.locating import LocateRequest, camera_of, carry_out

    request = LocateRequest(
        values["out"],
        values["photo"],
        camera_of(values["camera_model"], values["camera_params"]),
        values["photos"],
        values["device"],
        values["threads"],
    )
    registry = load_plugins(values["plugins_dir"])
    with watched() as (observer, should_stop):
        return carry_out(request, registry, [observer], should_stop)


def _draw(location: Location, picture: Path) -> None:
    from recon.output.files import write_errors
    from recon.output.located_picture import draw_located

    with write_errors(picture):
        draw_located(location.photo, location.inlier_xy, picture)


def _print(location: Location) -> None:
    x, y, z, w = location.cam_from_world.rotation.quat
    tx, ty, tz = location.cam_from_world.translation
    cx, cy, cz = location.center
    camera = location.camera
    params = ", ".join(f"{value:.6g}" for value in camera.params)
    lines = [
        f"centre    {cx:.6g} {cy:.6g} {cz:.6g}  (1 sigma: {location.center_std:.2g}{_units(location)})",
        f"rotation  {w:.6f} {x:.6f} {y:.6f} {z:.6f}  (w x y z, camera from world; 1 sigma: "
        f"{location.rotation_std_deg:.2g} deg)",
        f"t         {tx:.6g} {ty:.6g} {tz:.6g}  (camera from world)",
        f"inliers   {location.inliers} of {location.correspondences} matches to points "
        f"({location.inlier_ratio:.0%}), {location.reprojection_error_px:.2f} px mean reprojection error",
        f"camera    {camera.model.name} {params}  ({location.camera_source})",
        f"scale     {location.frame.describe()}",
        "nearest   " + "\n          ".join(
            f"{each.image}: {each.inliers} points in common, {each.distance:.3g} away, "
            f"{each.angle_deg:.0f} deg apart" for each in location.neighbours
        ),
    ]  # fmt: skip
    for line in lines:
        click.echo(line)


def _units(location: Location) -> str:
    return ", the model's units" if location.frame.units == "arbitrary" else " m"
