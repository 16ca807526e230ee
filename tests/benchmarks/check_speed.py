"""How long `recon check` takes: photos made from the real ones of $RECON_DATA, each shifted and lit differently.

    RECON_DATA=... python tests/benchmarks/check_speed.py [--photos 1000] [--threads 2] [--side PX]

Sets take turns, so that large photos and small ones are mixed as the sets are; `--side 4000` makes all of them
12 megapixels. Making the photos is not timed. Prints the seconds, the photos a second, and what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

_MARGIN = 0.06
"""Share of a side by which photos are shifted at most: far enough to be no copies of each other."""


def sources(data: Path) -> Iterator[Path]:
    """Yield photos for ever, one of each set in turn."""
    sets = [sorted((folder / "images").iterdir()) for folder in sorted(data.iterdir()) if (folder / "images").is_dir()]
    turn = 0
    while True:
        yield from (photos[turn % len(photos)] for photos in sets)
        turn += 1


def write_variant(source: Path, path: Path, seed: int, side: int | None) -> None:
    """Write a photo that shows nearly the same, as JPEG."""
    random = np.random.default_rng(seed)
    pixels = cv2.imread(str(source))
    height, width = pixels.shape[:2]
    scale = side / max(width, height) if side else 1.0
    left, top = (random.uniform(-_MARGIN, _MARGIN, 2) * (width, height)).tolist()
    shift = np.array([[scale, 0, left * scale], [0, scale, top * scale]])
    size = round(width * scale), round(height * scale)
    moved = cv2.warpAffine(pixels, shift, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    lit = cv2.convertScaleAbs(moved, alpha=random.uniform(0.8, 1.1), beta=random.uniform(-8, 8))
    cv2.imwrite(str(path), lit, [cv2.IMWRITE_JPEG_QUALITY, 92])


def main() -> None:
    """Make the photos, check them, print the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", type=int)
    parser.add_argument("--folder", type=Path, help="keep the photos here, and take those that are there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "photos"
        folder.mkdir(parents=True, exist_ok=True)
        chosen = list(islice(sources(Path(os.environ["RECON_DATA"])), arguments.photos))
        cv2.setNumThreads(1)
        paths = [folder / f"{number:05}.jpg" for number in range(len(chosen))]
        jobs = [(source, path, seed) for seed, (source, path) in enumerate(zip(chosen, paths, strict=True))]
        with ThreadPoolExecutor(arguments.threads) as pool:
            list(
                pool.map(lambda job: write_variant(*job, arguments.side), [job for job in jobs if not job[1].exists()])
            )
        megabytes = sum(path.stat().st_size for path in paths) / 1e6
        command = [sys.executable, "-m", "recon", "check", str(folder), "--threads", str(arguments.threads), "--json"]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        whole = time.perf_counter() - start
        told = json.loads(done.stdout)
    pixels = sum(photo["width"] * photo["height"] for photo in told["photos"]) / 1e6 / max(1, told["usable"])
    print(f"{told['usable']} photos, {pixels:.1f} megapixels each on average, {megabytes:.0f} MB")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = used.ru_utime + used.ru_stime
    speed = told["usable"] / told["seconds"]
    print(f"{told['seconds']:.1f} s by itself, {speed:.0f} photos/s ({whole:.1f} s as a command)")
    print(f"{cpu_seconds:.1f} s of processor time: what other work leaves of the cores decides on the rest")
    print(f"found: {sorted({finding['topic'] for finding in told['findings']})}")


if __name__ == "__main__":
    main()
