"""`recon add`: further photos brought into a model that stays where it is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.cli.options import Numbers
from recon.cli.plugins import plugins_dir_option
from recon.core.counting import counted
from recon.core.errors import ReconError

if TYPE_CHECKING:
    from recon.adding import AddedPhotos

_FILE = click.Path(path_type=Path)
_MOST_LISTED = 20


def _refused(error: ReconError) -> dict[str, Any]:
    return {"added": [], "error": error.as_dict()}


@click.command("add", cls=JsonCommand, refused=_refused, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("photos", type=_FILE, nargs=-1, required=True)
@click.argument("out", type=_FILE)
@click.option("--camera-model", metavar="NAME", help="Of the new photos: a COLMAP camera model.")
@click.option(
    "--camera-params", type=Numbers(), metavar="A,B,...", help="Its parameters in COLMAP's order and pixel origin."
)
@click.option("--old-photos", type=_FILE, metavar="DIR", help="Where the model's photos are now, if they were moved.")
@plugins_dir_option
@click.option("--device", default="auto", metavar="auto|cpu|cuda[:N]|mps", help="Where plugins run.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: as many as there are cores.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, progress on stderr.")
def command(as_json: bool, **values: Any) -> int:
    """Register PHOTOS, folders or files, in the best model of the workspace OUT.

    Poses, intrinsics and points that are there stay the same to the last bit, and so do frame and scale; new photos see
    old points and make new ones. The photos may lie anywhere: those below the run's own folder are named as the run
    would, others by their path below the folder that you give. A later `recon run` of the same photos with the same
    options keeps the larger model; one with other options is refused, for it would lose the added photos.

    The exit status is 1 when none of the photos fits; nothing is changed then.

    \b
    Examples:
      recon add more-photos/ photos-recon
      recon add detail1.jpg detail2.jpg photos-recon
    """
    try:
        added = _add(values)
    except ReconError as error:
        if as_json:
            print_json(_refused(error))
        raise
    if as_json:
        print_json(added.as_dict())
    else:
        _print(added)
    return 0


def _add(values: dict[str, Any]) -> AddedPhotos:
    from recon.adding import AddRequest, carry_out
    from recon.cli.watching import watched
    from recon.core.registry import load_plugins
    from recon.locating import camera_of

    request = AddRequest(
        values["photos"],
        values["out"],
        camera_of(values["camera_model"], values["camera_params"]),
        values["old_photos"],
        values["device"],
        values["threads"],
    )
    registry = load_plugins(values["plugins_dir"])
    with watched() as (observer, should_stop):
        return carry_out(request, registry, [observer], should_stop)


def _print(added: AddedPhotos) -> None:
    if added.registered:
        lines = [f"added     {counted(len(added.registered), 'photo')}: {', '.join(added.registered[:_MOST_LISTED])}"]
    else:
        lines = [f"nothing to do: {counted(len(added.known), 'photo')} are in the model already"]
    lines += [
        f"model     {added.workspace / 'sparse' / '0'}",
        f"photos    {added.num_registered} registered; those that were there did not move",
        f"points    {added.points3D:,} ({added.new_points:,} of them new)",
        f"error     {added.mean_reprojection_error_px:.3f} px, mean reprojection error",
    ]
    if added.left_out:
        lines.append(f"left out  {counted(len(added.left_out), 'photo')}")
    for each in added.left_out[:_MOST_LISTED]:
        lines += [f"  {each.image}: {each.cause}: {each.detail}", f"    try: {each.try_}"]
    if len(added.left_out) > _MOST_LISTED:
        lines.append(f"  and {len(added.left_out) - _MOST_LISTED} more (--json lists all)")
    lines += ["next", f"  recon view {shlex.quote(str(added.workspace))}"]
    for line in lines:
        click.echo(line)
