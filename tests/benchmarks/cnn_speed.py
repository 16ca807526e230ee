"""The time of `cnn` beside kornia's XFeat, from a decoded photo to features: the same photos, in turn.

    RECON_DATA=... RECON_WEIGHTS=... python tests/benchmarks/cnn_speed.py --threads 1

Kornia gets the threads for one photo after the other; `cnn` takes as many photos at once, each on one thread, as a run
does. Ratios are of the least time per photo of the rounds, and of the least processor time, which other programs
disturb less.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
from recon_plugins.cnn import CnnOptions, recon_feature_extractors
from xfeat_speed import SIZES, kornia_extract, our_extract, photos, timed

from recon import RunContext


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="Other weights than those that come with recon.")
    arguments = parser.parse_args()
    threads = arguments.threads
    cv2.setNumThreads(threads)
    (spec,) = recon_feature_extractors()
    with ThreadPoolExecutor(threads) as pool:
        methods = {"kornia": kornia_extract(threads)}
        for precision in ("fp32", "bf16"):
            options = CnnOptions(precision=precision, weights=arguments.weights)
            methods[precision] = our_extract(spec.create(options, RunContext(threads=threads)), pool)
        for size in SIZES:
            images = photos(size, threads)
            costs = timed(methods, images, arguments.rounds)
            print(
                f"\n{size[0]}x{size[1]}  time / kornia's   processor time / kornia's   processor time, ms   keypoints"
            )
            for name, cost in costs.items():
                ratio, used_ratio = cost.over(costs["kornia"])
                milliseconds = 1000 * cost.processor_seconds
                print(f"{name:12} {ratio:10.2f} {used_ratio:24.2f} {milliseconds:22.1f} {cost.keypoints:15}")


if __name__ == "__main__":
    main()
