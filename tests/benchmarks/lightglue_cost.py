"""What attention costs, and what it gives: layers, number format and keypoints against nearest neighbours.

    RECON_DATA=... RECON_WEIGHTS=... python tests/benchmarks/lightglue_cost.py --sets temple_ring lund_door fox

Every method sees the same features of `--extractor`, pair after pair, the methods in turn within each pair, so that
all share the machine's moods. Time is the median over the pairs of a method's time by that of `nearest`, each the
shortest of `--repeats`, on `--threads` threads. Precision, correct matches and pose errors as in `pairs.py`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recon.core.registry import load_plugins
from recon.evaluation.pairs import PairScore, pairs_at_steps, score_pair, summarise_pairs

sys.path.insert(0, str(Path(__file__).parent))
from pairs import Bench, Method, Photos

MATCHERS = (
    "nearest",
    "mutual",
    "lightglue@layers=6+precision=fp32",
    "lightglue@layers=3+precision=fp32",
    "lightglue@layers=6+precision=bf16",
    "lightglue@layers=3+precision=bf16",
    "lightglue@layers=6+precision=bf16+max_keypoints=2048",
    "lightglue@layers=3+precision=bf16+max_keypoints=2048",
    "lightglue@layers=6+precision=bf16+max_keypoints=1024",
)


def arguments_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matchers", nargs="+", default=MATCHERS, help="of which the first is the measure of time")
    parser.add_argument("--extractor", default="xfeat")
    parser.add_argument("--sets", nargs="+", default=["temple_ring", "lund_door", "fox"], help="folders of $RECON_DATA")
    parser.add_argument("--steps", nargs="+", type=int, default=[2, 4])
    parser.add_argument("--pairs", type=int, default=3, help="of each set and step, spread over the set")
    parser.add_argument("--max-size", type=int, default=1024)
    parser.add_argument("--max-keypoints", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(arguments)


def main() -> None:
    """Print a table with a row for each matcher."""
    from threadpoolctl import threadpool_limits

    arguments = arguments_of()
    registry = load_plugins()
    methods = [Method.parse(f"{arguments.extractor}:{matcher}", registry) for matcher in arguments.matchers]
    bench = Bench(arguments, registry)
    scores: dict[str, list[PairScore]] = {method.label: [] for method in methods}
    seconds: dict[str, list[float]] = {method.label: [] for method in methods}
    with threadpool_limits(arguments.threads):
        for name in arguments.sets:
            photos = Photos(Path(os.environ["RECON_DATA"]) / name, arguments.max_size)
            for step in arguments.steps:
                pairs = pairs_at_steps(photos.views, [step])
                chosen = np.unique(np.linspace(0, len(pairs) - 1, min(arguments.pairs, len(pairs))).astype(int))
                for pair in (pairs[number] for number in chosen):
                    runs = [
                        [bench._from_features(method, photos, pair) for method in methods]
                        for _ in range(arguments.repeats)
                    ]
                    for method, results in zip(methods, zip(*runs, strict=True), strict=True):
                        scores[method.label].append(score_pair(pair, results[0][0], photos.views))
                        seconds[method.label].append(min(result[1] for result in results))
                print(f"{name}, step {step}: {len(chosen)} pairs", file=sys.stderr, flush=True)
    print("| method | time | matches | correct | precision % | worst pair % | Sampson px | AUC@1deg | @5 |")
    print("|---|---|---|---|---|---|---|---|---|")
    measure = np.array(seconds[methods[0].label])
    for label, found in scores.items():
        summary = summarise_pairs(found)
        correct = np.mean([score.matches * score.precision for score in found])
        worst, ratios = 100 * min(score.precision for score in found), np.array(seconds[label]) / measure
        print(
            f"| {label} | {np.median(ratios):.2f} | {summary.matches:.0f} | {correct:.0f} | "
            f"{summary.precision:.1f} | {worst:.1f} | {summary.median_sampson_px:.3f} | "
            f"{summary.auc_deg['1']:.1f} | {summary.auc_deg['5']:.1f} |"
        )


if __name__ == "__main__":
    main()
