"""`nearest` against plain mutual nearest neighbours in torch (two products, two maxima), alternating; ratios.

    python tests/benchmarks/nearest_speed.py [--threads 1] [--repeats 15] [--keypoints 4096] [--length 64]

Half of the descriptors have a noisy copy in the other photo. The peer has `--threads` threads of torch; `nearest` is
called as the host does: from that many threads at once, each with one of its own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from recon_plugins.nearest import NearestMatcher, NearestOptions

import recon

sys.path.insert(0, str(Path(__file__).parent))
from pairs_peers import mutual_nearest

OPTIONS = {
    "float32, ratio none": {"ratio": None, "bfloat16": "never"},
    "bfloat16 where there, ratio none": {"ratio": None},
    "float32, ratio 0.8": {"ratio": 0.8, "bfloat16": "never"},
    "bfloat16 where there, ratio 0.8": {"ratio": 0.8},
}


def descriptors(count: int, length: int) -> list[np.ndarray]:
    """Return those of two photos, rows of length 1."""
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, count, length))
    second[::2] = first[::2] + 0.4 * second[::2]
    return [(rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32) for rows in (first, second)]


def main() -> None:
    """Time one after the other, and print seconds a pair over the peer's."""
    import torch
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--keypoints", type=int, default=4096)
    parser.add_argument("--length", type=int, default=64)
    arguments = parser.parse_args()

    rows = descriptors(arguments.keypoints, arguments.length)
    tensors = [torch.from_numpy(side.copy()) for side in rows]
    features1, features2 = (recon.Features(np.zeros((len(side), 2), np.float32), side, (640, 480)) for side in rows)
    pool = ThreadPoolExecutor(arguments.threads)

    def timed(work: Callable[[], object], pairs: int) -> float:
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) / pairs

    def peer() -> float:
        torch.set_num_threads(arguments.threads)
        return timed(lambda: mutual_nearest(*tensors), 1)

    def ours(matcher: NearestMatcher) -> float:
        pairs = 2 * arguments.threads
        with threadpool_limits(1, user_api="blas"):
            return timed(lambda: list(pool.map(lambda _: matcher.match(features1, features2), range(pairs))), pairs)

    matchers = {name: NearestMatcher(NearestOptions(quick_check=False, **options)) for name, options in OPTIONS.items()}
    for matcher in matchers.values():
        ours(matcher)
    peers: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in matchers}
    for _ in range(arguments.repeats):
        peers.append(peer())
        for name, matcher in matchers.items():
            times[name].append(ours(matcher))
    size = f"{arguments.keypoints} x {arguments.keypoints} x {arguments.length}, {arguments.threads} threads"
    print(f"| {size} | ratio of minima | ratio of medians | matches |\n|---|---|---|---|")
    for name, seconds in times.items():
        minima, medians = min(seconds) / min(peers), statistics.median(seconds) / statistics.median(peers)
        count = len(matchers[name].match(features1, features2))
        print(f"| {name} | {minima:.3f} | {medians:.3f} | {count} |")
    print(f"| the peer | 1 | 1 | {len(mutual_nearest(*tensors)[0])} |")


if __name__ == "__main__":
    main()
