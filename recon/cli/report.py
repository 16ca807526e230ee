"""`recon report`: one self-contained page about a result, or about why there is none."""

from __future__ import annotations

from pathlib import Path

import click

from recon.core.errors import Cause, UsageError


@click.command("report")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.html", help="Default: OUT/report.html.")
@click.option(
    "--photos",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the photos are; default: where the run found them.",
)
@click.option(
    "--max-mb", type=float, default=15.0, show_default=True, metavar="N",
    help="Size at most: thumbnails get smaller and points fewer to keep it.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a file that recon did not write.")
def command(out: Path, output: Path | None, photos: Path | None, max_mb: float, force: bool) -> None:
    """Write a page about the result in OUT: points and cameras in 3D, photos, matches, numbers.

    OUT is a workspace of `recon run` (which writes the page by itself), with or without a model, or any COLMAP model
    folder. The page is one file that opens from disk, without a network, and can be sent to others: it holds small
    copies of the photos.

    \b
    Examples:
      recon report photos-recon
      recon report photos-recon -o for-a-friend.html --max-mb 4
      recon report colmap/sparse/0 --photos colmap/images
    """
    from recon.core.executor import available_threads
    from recon.report.writing import NAME, is_our_page, write_report

    if photos is not None and not photos.is_dir():
        raise UsageError(
            f"no folder of photos: {photos}",
            code=Cause.MISSING_FILE,
            file=str(photos),
            try_="check the path given to --photos",
        )
    destination = output or out / NAME
    if destination.exists() and not force and not is_our_page(destination):
        raise UsageError(
            f"{destination} is there already, and no report of recon",
            code=Cause.NOT_WRITABLE,
            file=str(destination),
            try_="give another name with -o, or replace it with --force",
        )
    size = write_report(out, destination, photos=photos, megabytes=max_mb, threads=available_threads())
    click.echo(f"{destination}: {size / 1e6:.1f} MB; open it in a browser")
