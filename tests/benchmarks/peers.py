"""Whole pipelines on the same photos, in turn: recon with each preset, pycolmap's two mappers, COLMAP's program.

    RECON_DATA=... python tests/benchmarks/peers.py lund_door Herz-Jesus-P8 --repeats 3 --write README.md

A pipeline is timed from the start of its process to its end: photos to model. Every repeat runs all of them, every
second one in reverse order; a ratio is one pipeline's time over that of pycolmap's incremental pipeline in the same
repeat. Where the truth gives all photos one calibration, all pipelines get it, and keep it. The peers have SIFT at
1600 px with 8192 features and all pairs, every other option as it comes (`peer.py`, and COLMAP's program where
`colmap` is installed, on the CPU). Models are deleted as soon as they are judged.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from colmap_program import colmap_version, run_colmap
from measuring import auc, num_registered, recon, run, spread
from photo_sets import PhotoSet, camera_options
from written_tables import around, table, write_between

BASELINE = "pycolmap incremental"
"""Its time is 1."""
THRESHOLDS_DEG = ("1", "3")
COLUMNS = (
    *("photos", "pipeline", "seconds", f"time / {BASELINE}'s", "peak MiB", "registered"),
    *(f"AUC@{threshold}°" for threshold in THRESHOLDS_DEG),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of one pipeline came to."""

    seconds: float
    peak_mib: float
    registered: int
    """Photos in the largest model; 0 without a model."""
    auc: dict[str, float] | None
    """By threshold in degrees, percent, 0 without a model; None without truth."""


Pipeline = Callable[[PhotoSet, Path, int], tuple[float, float]]
"""Runs a photo set into a folder with a seed, and returns seconds and MiB; models lie in folders of `sparse/`."""


def recon_with(preset: str, extra: Sequence[str]) -> Pipeline:
    """Return `recon run` with a preset, and everything else as it comes."""

    def run_recon(photo_set: PhotoSet, out: Path, seed: int) -> tuple[float, float]:
        command = recon("run", photo_set.photos, "-o", out, "--preset", preset, "--seed", str(seed), "--json", *extra)
        if photo_set.calibration is not None:
            command += camera_options(photo_set.calibration)
        done = run(command)
        if done.status != 0:
            sys.stderr.write(f"recon ended with {done.status}: {done.stderr[-500:]}\n")
        return done.seconds, done.peak_mib

    return run_recon


def pycolmap_with(mapper: str) -> Pipeline:
    """Return pycolmap's own pipeline with one of its mappers."""

    def run_pycolmap(photo_set: PhotoSet, out: Path, seed: int) -> tuple[float, float]:
        peer = str(Path(__file__).with_name("peer.py"))
        truth = [] if photo_set.calibration is None else ["--truth", str(photo_set.calibration)]
        done = run([sys.executable, peer, str(photo_set.photos), str(out), "--mapper", mapper, *truth])
        done.json()
        return done.seconds, done.peak_mib

    return run_pycolmap


def all_pipelines(extra: Sequence[str]) -> dict[str, Pipeline]:
    """Return every pipeline that is installed, by name."""
    pipelines = {f"recon {preset}": recon_with(preset, extra) for preset in ("fast", "balanced", "best")}
    pipelines |= {f"pycolmap {mapper}": pycolmap_with(mapper) for mapper in ("incremental", "global")}
    version = colmap_version()
    return pipelines if version is None else pipelines | {version: run_colmap}


def outcome_of(pipeline: Pipeline, photo_set: PhotoSet, work: Path, seed: int) -> Outcome:
    """Run a pipeline, judge its model, and delete it."""
    out = work / "out"
    seconds, peak_mib = pipeline(photo_set, out, seed)
    models = [path.parent for path in (out / "sparse").glob("*/images.bin")]
    best = max(models, key=num_registered, default=None)
    registered = 0 if best is None else num_registered(best)
    judged = None
    if photo_set.truth is not None:
        judged = dict.fromkeys(THRESHOLDS_DEG, 0.0) if best is None else auc(best, photo_set.truth)
    shutil.rmtree(out, ignore_errors=True)
    return Outcome(seconds, peak_mib, registered, judged)


def compare(photo_set: PhotoSet, pipelines: dict[str, Pipeline], repeats: int, work: Path) -> dict[str, list[Outcome]]:
    """Return the outcomes of every pipeline, one a repeat."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in pipelines}
    for repeat in range(repeats):
        for name in list(pipelines)[:: -1 if repeat % 2 else 1]:
            outcomes[name].append(outcome_of(pipelines[name], photo_set, work, repeat))
            print(f"{photo_set.name} #{repeat} {name}: {outcomes[name][-1]}", file=sys.stderr, flush=True)
    return outcomes


def rows(photo_set: PhotoSet, outcomes: dict[str, list[Outcome]]) -> list[tuple[str, ...]]:
    """Return the table's rows of one photo set."""
    baseline = [outcome.seconds for outcome in outcomes[BASELINE]]
    return [
        (
            photo_set.name,
            name,
            f"{statistics.median(outcome.seconds for outcome in runs):.1f}",
            spread([outcome.seconds / base for outcome, base in zip(runs, baseline, strict=True)], digits=2),
            f"{statistics.median(outcome.peak_mib for outcome in runs):.0f}",
            f"{_extent([outcome.registered for outcome in runs])} of {photo_set.num_photos}",
            *(_auc(runs, threshold) for threshold in THRESHOLDS_DEG),
        )
        for name, runs in outcomes.items()
    ]


def _extent(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _auc(runs: Sequence[Outcome], threshold: str) -> str:
    found = [outcome.auc[threshold] for outcome in runs if outcome.auc is not None]
    return spread(found, digits=1) if found else "unknown"


def main() -> None:
    """Compare on the photo sets that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help="folders of $RECON_DATA, or paths, with images/ and perhaps gt.json")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", action="append", metavar="NAME", help=f"only this and {BASELINE}; repeatable")
    parser.add_argument("--option", action="append", default=[], help="a further option for recon run")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between its comments `peers`")
    arguments = parser.parse_args()
    pipelines = all_pipelines(arguments.option)
    if arguments.only and (unknown := set(arguments.only) - pipelines.keys()):
        parser.error(f"no pipeline {', '.join(sorted(unknown))}; there are {', '.join(pipelines)}")
    if arguments.only:
        pipelines = {name: each for name, each in pipelines.items() if name in {*arguments.only, BASELINE}}
    photo_sets = [PhotoSet.named(name) for name in arguments.sets]
    if missing := [str(each.photos) for each in photo_sets if not each.photos.is_dir()]:
        parser.error(f"no photos in {', '.join(missing)}")
    if arguments.write:
        around(arguments.write, "peers")  # now, not after hours
    all_rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        for photo_set in photo_sets:
            all_rows += rows(photo_set, compare(photo_set, pipelines, arguments.repeats, Path(folder)))
    print(table(COLUMNS, all_rows))
    if arguments.write:
        write_between(arguments.write, "peers", table(COLUMNS, all_rows))


if __name__ == "__main__":
    main()
