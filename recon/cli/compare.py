"""`recon compare`: the same photos through several plugins, and which to take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from recon.cli.json_command import JsonCommand, print_json
from recon.cli.plugins import plugins_dir_option
from recon.core.errors import Cause, ReconError, UsageError


def _refused(error: ReconError) -> dict[str, Any]:
    return {"trials": [], "recommendation": None, "error": error.as_dict()}


@click.command("compare", cls=JsonCommand, refused=_refused)
@click.argument("photos", type=click.Path(path_type=Path))
@click.option(
    "--with", "combinations", required=True, metavar="A,B,...",
    help="Combinations: EXTRACTOR, EXTRACTOR:MATCHER, or an image matcher.",
)  # fmt: skip
@click.option(
    "--truth", type=click.Path(path_type=Path), metavar="FILE", help="Ground truth, as `recon evaluate` reads it."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Default: ./<photos folder's name>-compare."
)
@click.option(
    "--preset",
    type=click.Choice(["fast", "balanced", "best"]),
    default="balanced",
    show_default=True,
    help="As of `recon run`, the same for all.",
)
@click.option("--max-size", type=int, metavar="PX", help="Longest side that the extractors see.")
@click.option("--max-keypoints", type=int, metavar="N", help="Keypoints a photo at most, the same for all.")
@click.option("--pairs", metavar="NAME", help="Pair selector, the same for all.")
@click.option("--image-list", type=click.Path(path_type=Path), metavar="FILE", help="Use these photos only.")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Default: as many as there are cores.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The second run has the next one.")
@plugins_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; progress goes to stderr.")
def command(
    photos: Path,
    combinations: str,
    truth: Path | None,
    output: Path | None,
    threads: int | None,
    seed: int,
    plugins_dir: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Reconstruct the same photos with several plugins, and say which to take.

    Each combination gets a workspace of its own, with its report. Without --truth they are judged by the photos
    they register, by whether a second run with another seed repeats the model, and by matches kept out of the mapping:
    do they agree with the model? Then by time. The same command goes on where it was stopped.

    \b
    Examples:
      recon compare photos/ --with sift,xfeat
      recon compare photos/ --with xfeat:nearest,xfeat:lightglue,xfeat-star --preset fast
      recon compare photos/ --with sift,aliked --truth gt.json --json > result.json
    """
    os.environ.setdefault("GLOG_minloglevel", "2")  # pycolmap's own log

    from recon.comparison import compare_photos, parse_candidates, recommend
    from recon.comparison.comparing import ComparisonOptions
    from recon.comparison.page import headers, render_page, row
    from recon.core.executor import available_threads
    from recon.core.registry import load_plugins
    from recon.evaluation import read_truth
    from recon.refusals import check_folders
    from recon.workspace.atomic import storage_errors, write_text

    try:
        registry = load_plugins(plugins_dir)
        candidates = parse_candidates(combinations, registry)
        true = None if truth is None else read_truth(truth)
        folder = output or Path(f"{photos.resolve().name}-compare")
        check_folders(photos, folder)
        _refuse_foreign(folder)
        given = [(f"--{name.replace('_', '-')}", str(value)) for name, value in options.items() if value is not None]
        if plugins_dir is not None:
            given.append(("--plugins-dir", str(plugins_dir)))
        how = ComparisonOptions(tuple(text for pair in given for text in pair), seed, threads or available_threads())
        with storage_errors(folder):
            trials = compare_photos(
                photos, candidates, folder, how, registry, true, lambda message: click.echo(message, err=True)
            )
            best = recommend(trials)
            write_text(folder / "compare.html", render_page(photos.resolve().name, trials, best, folder))
    except ReconError as error:
        if as_json:
            print_json(_refused(error))
        raise
    if as_json:
        chosen = None if best is None else {"label": best.label, "reason": best.reason}
        print_json({"trials": [trial.as_dict() for trial in trials], "recommendation": chosen})
        return 0 if best else 1
    from recon.cli.tables import print_table

    print_table(headers(trials), [row(trial, true is not None) for trial in trials])
    for trial in trials:
        if trial.error:
            click.echo(f"{trial.label}: {trial.error}")
    click.echo(f"take      {best.label}: {best.reason}" if best else "none of them made a model")
    click.echo(f"page      {folder / 'compare.html'}")
    return 0 if best else 1


def _refuse_foreign(folder: Path) -> None:
    from recon.comparison.comparing import MEASURED

    if folder.is_dir() and any(folder.iterdir()) and not (folder / MEASURED).exists():
        raise UsageError(
            f"{folder} is not empty, and no comparison of recon",
            code=Cause.NOT_A_WORKSPACE,
            file=str(folder),
            try_="choose a new or empty folder with -o DIR",
        )
