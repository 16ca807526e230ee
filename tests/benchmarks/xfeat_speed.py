"""XFeat's time beside kornia's, from a decoded photo to features: same weights, same photos, in turn.

    RECON_DATA=... RECON_WEIGHTS=... python tests/benchmarks/xfeat_speed.py --threads 1

Kornia gets the threads for one photo after the other; `xfeat` takes as many photos at once, each on one thread, as a
run does. Ratios are of the least time per photo of the rounds, and of the least processor time, which other programs
disturb less. The floor is the time of the network's multiplications at the rate of a large matrix product.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from recon_plugins.xfeat import XFeatOptions, recon_feature_extractors

from recon import FeatureExtractor, Image, RunContext

SIZES = ((640, 480), (1600, 1200))
GFLOP_A_PIXEL = 2.62 / (640 * 480)
"""Of the published network's convolutions."""
METHODS = {
    "exact fp32": XFeatOptions(exact=True),
    "default fp32": XFeatOptions(precision="fp32"),
    "default bf16": XFeatOptions(precision="bf16"),
    "4 grids fp32": XFeatOptions(precision="fp32", grids=4),
    "4 grids bf16": XFeatOptions(precision="bf16", grids=4),
    "one grid fp32": XFeatOptions(precision="fp32", grids=1),
    "one grid bf16": XFeatOptions(precision="bf16", grids=1),
}
Extract = Callable[[Sequence[Image]], int]
"""Takes photos and returns how many keypoints it found."""


def photos(size: tuple[int, int], count: int) -> list[Image]:
    """Return photos of a set, resized."""
    paths = sorted((Path(os.environ["RECON_DATA"]) / "fountain-P11" / "images").iterdir())[:count]
    found = []
    for path in paths:
        pixels = cv2.resize(cv2.imread(str(path)), size, interpolation=cv2.INTER_AREA)
        found.append(Image(path.name, np.ascontiguousarray(pixels[:, :, ::-1])))
    return found


def weights(name: str) -> Path:
    """Return a weight file's path."""
    return Path(os.environ["RECON_WEIGHTS"]) / name


def kornia_extract(threads: int) -> Extract:
    """Return kornia's XFeat with the same weights, 4096 keypoints."""
    from kornia.feature import XFeat

    model = XFeat().eval()
    model.net.load_state_dict(torch.load(weights("xfeat.pt"), weights_only=True))

    def extract(images: Sequence[Image]) -> int:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            answers = [
                model.detectAndCompute(torch.from_numpy(image.pixels).permute(2, 0, 1)[None] / 255, top_k=4096)[0]
                for image in images
            ]
        return sum(len(answer["keypoints"]) for answer in answers)

    return extract


def our_extract(extractor: FeatureExtractor, pool: ThreadPoolExecutor) -> Extract:
    """Return ours, a photo a thread."""

    def extract(images: Sequence[Image]) -> int:
        return sum(len(features) for features in pool.map(extractor.extract, images))

    return extract


@dataclass(frozen=True, slots=True)
class Cost:
    """The least of several rounds, for a photo."""

    seconds: float
    processor_seconds: float
    keypoints: int

    def over(self, other: Cost) -> tuple[float, float]:
        """Return the ratios of the two times to another's."""
        return self.seconds / other.seconds, self.processor_seconds / other.processor_seconds


def timed(methods: Mapping[str, Extract], images: Sequence[Image], rounds: int) -> dict[str, Cost]:
    """Return what each method costs, all in turn in every round."""
    wall: dict[str, list[float]] = {name: [] for name in methods}
    processor: dict[str, list[float]] = {name: [] for name in methods}
    counts = {name: extract(images) // len(images) for name, extract in methods.items()}  # and warm up
    for _ in range(rounds):
        for name, extract in methods.items():
            start, used = time.perf_counter(), time.process_time()
            extract(images)
            wall[name].append((time.perf_counter() - start) / len(images))
            processor[name].append((time.process_time() - used) / len(images))
    return {name: Cost(min(wall[name]), min(processor[name]), counts[name]) for name in methods}


def matrix_rate(threads: int, dtype: torch.dtype) -> float:
    """Return 1e9 floating point operations a second of a product of matrices."""
    torch.set_num_threads(threads)
    side = 1536
    a = torch.ones(side, side, dtype=dtype)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds) / 1e9


def main() -> None:
    """Print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    threads = arguments.threads
    cv2.setNumThreads(threads)
    rates = {name: matrix_rate(threads, dtype) for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))}
    print(
        f"{threads} threads; matrix products: "
        + ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in rates.items())
    )
    (spec,) = recon_feature_extractors()
    context = RunContext(threads=threads, weights=weights)
    with ThreadPoolExecutor(threads) as pool:
        methods = {"kornia": kornia_extract(threads)}
        methods |= {name: our_extract(spec.create(options, context), pool) for name, options in METHODS.items()}
        for size in SIZES:
            images = photos(size, threads)
            costs = timed(methods, images, arguments.rounds)
            print(f"\n{size[0]}x{size[1]}  time / kornia's   processor time / kornia's   time / floor   keypoints")
            for name in methods:
                floor = GFLOP_A_PIXEL * size[0] * size[1] / rates["bf16" if "bf16" in name else "fp32"]
                cost = costs[name]
                ratio, used_ratio = cost.over(costs["kornia"])
                above = cost.seconds / floor
                print(f"{name:14} {ratio:10.2f} {used_ratio:22.2f} {above:19.2f} {cost.keypoints:15}")


if __name__ == "__main__":
    main()
