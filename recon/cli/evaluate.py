"""`recon evaluate`: a model against ground truth, in the numbers that papers use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from recon.evaluation import Evaluation


@click.command("evaluate")
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw where the cameras are and where they should be.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(out: Path, truth: Path, picture: Path | None, as_json: bool) -> None:
    """Compare the poses of a model with the TRUTH.

    OUT is a workspace of `recon run`, or any COLMAP model folder. The error of a pair of photos is the larger
    of two angles: between the relative rotations, and between the directions of the relative translations.
    All pairs of the truth count; one with a photo that is not in the model counts as 180 degrees. AUC@T is the
    area under the recall-over-error curve up to T degrees, in percent. Camera centres are compared after an
    alignment that frees position, orientation and scale.

    \b
    TRUTH is one of:
      gt.json          {"images": {"photo.jpg": {"R": 3x3, "t": [x, y, z]}, ...}} with x_cam = R X + t,
                       x to the right, y down, z forward
      a model          a folder with a COLMAP model, as ETH3D gives them, or another workspace
      transforms.json  nerfstudio's
      a trajectory     TUM's (timestamp tx ty tz qx qy qz qw; photos are called by their timestamps)
                       or KITTI's (12 numbers a line; photos are called 000000, 000001, ...)
      .camera files    a folder of Strecha's
    """
    from recon.engine.models import read_model
    from recon.evaluation import align_centers, evaluate, is_camera_folder, read_truth, truth_of_model

    model = read_model(out)
    is_model = truth.is_dir() and not is_camera_folder(truth)
    true = truth_of_model(truth, read_model(truth)) if is_model else read_truth(truth)
    result = evaluate(model, true)
    if picture is not None:
        from recon.output.files import write_errors
        from recon.output.trajectory_picture import draw_trajectories

        centers = align_centers(model, true)
        with write_errors(picture):
            draw_trajectories(centers.true, centers.found, picture)
    if as_json:
        click.echo(json.dumps(result.as_dict()))
    else:
        _print(result)


def _print(result: Evaluation) -> None:
    from recon.cli.tables import print_table

    click.echo(f"registered    {result.registered} of {result.images} photos of the truth, {result.pairs} pairs")
    click.echo(f"median error  {result.median_error_deg:.3f} deg")
    if result.center_rmse is None:
        click.echo("centres       not compared: that takes 3 registered photos")
    else:
        click.echo(
            f"centres       {result.center_rmse:.4g} RMSE, {result.center_median:.4g} median, in the truth's units"
        )
    print_table(
        ["AUC@deg", *result.auc_deg],
        [["percent", *(f"{area:.1f}" for area in result.auc_deg.values())]],
    )
