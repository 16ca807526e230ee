"""Cost as work grows: `recon run` on generated scenes of more and more photos, each in a process of its own.

    python tests/benchmarks/scaling.py --work scenes/ --counts 50,100,200,400,800 --write README.md

The scenes are made once, by `recon datasets make`, and stay in the folder of `--work`: a street walked along and back,
which grows with the photos. The exponent p of `cost ~ photos ** p` is the slope of a straight line through the
logarithms (least squares): 1 where twice the photos cost twice as much, 2 where every photo meets every other.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measuring import recon, run
from written_tables import around, table, write_between

LEAST_SHARE = 0.02
"""Of the time of the last count: what takes less has no exponent worth telling."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run on some photos took; the median of its repeats."""

    photos: int
    registered: int
    seconds: float
    """Of the whole process."""
    peak_mib: float
    stage_seconds: dict[str, float]


def scene(work: Path, layout: str, photos: int, size: int) -> Path:
    """Return the photos of a generated scene, made if they are not there yet."""
    folder = work / f"{layout}-{photos}-{size}px"
    options = ("--layout", layout, "--photos", str(photos), "--size", str(size))
    made = run(recon("datasets", "make", folder, *options))
    if made.status != 0:
        sys.exit(f"no scene of {photos} photos: {made.stderr[-1000:]}")
    return folder / "images"


def cost(photos: Path, repeats: int, extra: Sequence[str]) -> Cost:
    """Return what runs on a folder of photos take."""
    results, runs = [], []
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory(prefix="scaling-") as out:
            runs.append(run(recon("run", photos, "-o", Path(out) / "out", "--seed", str(repeat), "--json", *extra)))
        results.append(runs[-1].json())
    stages = results[0]["seconds"]
    return Cost(
        sum(path.is_file() for path in photos.iterdir()),
        min(result["registered"] for result in results),
        statistics.median(each.seconds for each in runs),
        statistics.median(each.peak_mib for each in runs),
        {stage: statistics.median(result["seconds"].get(stage, 0.0) for result in results) for stage in stages},
    )


def exponent(counts: Sequence[int], values: Sequence[float]) -> float:
    """Return p of values ~ counts ** p, by least squares on the logarithms; NaN below two different counts."""
    if len(set(counts)) < 2 or min(values) <= 0:
        return float("nan")
    return float(np.polyfit(np.log(counts), np.log(values), 1)[0])


def report(costs: Sequence[Cost]) -> str:
    """Return the table of all counts, and the exponents under it."""
    rows = [
        (
            str(each.photos),
            str(each.registered),
            f"{each.seconds:.1f}",
            f"{each.seconds / each.photos:.3f}",
            f"{each.peak_mib:.0f}",
            f"{each.peak_mib / each.photos:.2f}",
        )
        for each in costs
    ]
    counts = [each.photos for each in costs]
    largest = costs[-1]
    stages = {
        stage: exponent(counts, [each.stage_seconds.get(stage, 0.0) for each in costs])
        for stage, seconds in largest.stage_seconds.items()
        if stage != "total" and seconds >= LEAST_SHARE * largest.seconds
    }
    known = {stage: p for stage, p in stages.items() if np.isfinite(p)}
    return "\n".join(
        (
            table(("photos", "registered", "seconds", "s a photo", "peak MiB", "MiB a photo"), rows),
            "",
            f"time grows as photos^{exponent(counts, [each.seconds for each in costs]):z.2f}, "
            f"memory as photos^{exponent(counts, [each.peak_mib for each in costs]):z.2f}; "
            f"the exponents of the stages: {', '.join(f'{stage} {p:z.2f}' for stage, p in known.items())}.",
        )
    )


def _counts(text: str) -> list[int]:
    try:
        return [int(count) for count in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers like 50,100,200") from error


def main() -> None:
    """Measure the counts that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="where the scenes are kept")
    parser.add_argument("--counts", type=_counts, default="50,100,200,400,800", help="default: %(default)s")
    parser.add_argument("--size", type=int, default=480, help="longer side of the photos; default: %(default)s")
    parser.add_argument("--layout", default="walk", choices=["walk", "field"], help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=1, help="of each count; the median counts")
    parser.add_argument("--option", action="append", default=[], help="a further option for recon run")
    parser.add_argument("--only-make", action="store_true", help="make the scenes, and measure nothing")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between its comments `scaling`")
    arguments = parser.parse_args()
    if arguments.write:
        around(arguments.write, "scaling")  # now, not after hours
    scenes = [scene(arguments.work, arguments.layout, count, arguments.size) for count in arguments.counts]
    if arguments.only_make:
        return
    costs = []
    for photos in scenes:
        costs.append(cost(photos, arguments.repeats, arguments.option))
        print(costs[-1], file=sys.stderr, flush=True)
    print(report(costs))
    if arguments.write:
        write_between(arguments.write, "scaling", report(costs))


if __name__ == "__main__":
    main()
