"""What track refinement gives: models before and after, and its time against the mapping's.

    RECON_DATA=... RECON_WEIGHTS=... python tests/benchmarks/refinement.py fountain-P11 Herz-Jesus-P8

Each photo set is mapped once with each extractor, the truth's intrinsics fixed; then mapping and refinement take
turns on the same matches. `sample` is the project's own set.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zlib  # noqa: F401  # before pycolmap, whose own copy the system's would else mix with
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pycolmap
from photo_sets import intrinsics

import recon
from recon.core.components import MappingOptions
from recon.core.events import ignore
from recon.core.registry import Kind, load_plugins
from recon.engine.mapper import IncrementalMapper
from recon.engine.track_refinement import RefinedModel, refine_tracks
from recon.evaluation import evaluate, read_truth
from recon.matching.images import list_images, load_image

SAMPLE = Path(__file__).parents[2] / "datasets" / "sample"


class Timed:
    """A refiner that notes how long it took, and how many observations it had."""

    def __init__(self, refiner: recon.Refiner) -> None:
        self._refiner = refiner
        self.seconds = 0.0
        self.num_observations = 0

    def refine(
        self, keypoints: Mapping[str, Any], tracks: Sequence[Sequence[tuple[str, int]]], *rest: Any
    ) -> Mapping[str, Any]:
        """Return what the refiner returns."""
        start = time.perf_counter()
        refined = self._refiner.refine(keypoints, tracks, *rest)
        self.seconds = time.perf_counter() - start
        self.num_observations = sum(map(len, tracks))
        return refined


def run(folder: Path, extractor: str, out: Path, more: Sequence[str]) -> None:
    """Map a photo set with the truth's intrinsics."""
    model, params = intrinsics(folder / "gt.json")
    camera = ["--camera-model", model, "--camera-params", ",".join(map(str, params)), "--single-camera"]
    command = [sys.executable, "-m", "recon", "run", str(folder / "images"), "-o", str(out), "--extractor", extractor]
    done = subprocess.run([*command, *camera, "--refiner", "none", *more], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")


def load_photos(folder: Path) -> Any:
    """Return a function that gives the full-size sensor pixels of a photo by name."""
    files = {image.name: image for image in list_images(folder / "images").images}
    return lambda name: load_image(replace(files[name], orientation=1), None).pixels


def report(name: str, model: pycolmap.Reconstruction, truth: Path) -> None:
    """Print a line of numbers."""
    model.update_point_3d_errors()
    result = evaluate(model, read_truth(truth))
    aucs = " ".join(f"@{threshold} {result.auc_deg[threshold]:.2f}" for threshold in ("0.5", "1", "3"))
    numbers = f"{model.num_points3D()} points, {model.compute_num_observations()} observations"
    error_px = model.compute_mean_reprojection_error()
    print(f"{name:32s} {result.registered} registered, {numbers}, {error_px:.3f} px, AUC {aucs}", flush=True)


def compare(folder: Path, extractor: str, refiner_name: str, work: Path, arguments: argparse.Namespace) -> None:
    """Print a photo set's model before and after, and how long each took."""
    out = work / f"{folder.name}-{extractor}"
    run(folder, extractor, out, arguments.option)
    with pycolmap.Database.open(out / "database.db") as database:
        cameras = frozenset(camera.camera_id for camera in database.read_all_cameras())
    options = MappingOptions(threads=arguments.threads, fixed_camera_ids=cameras)
    spec = load_plugins().find(Kind.REFINER, refiner_name).spec
    refiner = Timed(spec.create(spec.options(), recon.RunContext(threads=arguments.threads)))
    map_seconds, refine_seconds, all_seconds = [], [], []
    for _ in range(arguments.repeats):
        start = time.perf_counter()
        model = IncrementalMapper().map(out / "database.db", options, ignore)[0]
        mapped = time.perf_counter()
        done: RefinedModel = refine_tracks(model, refiner, load_photos(folder), options)
        map_seconds.append(mapped - start)
        all_seconds.append(time.perf_counter() - mapped)
        refine_seconds.append(refiner.seconds)
    report(f"{folder.name} {extractor}", model, folder / "gt.json")
    report(f"{folder.name} {extractor} + {refiner_name}", done.model, folder / "gt.json")
    print(f"    {done.describe()}")
    ratios = [spent / mapping for spent, mapping in zip(all_seconds, map_seconds, strict=True)]
    print(
        f"    refinement {min(all_seconds):.2f} s (patches {min(refine_seconds):.2f} s, "
        f"{1e4 * min(refine_seconds) / max(1, refiner.num_observations):.2f} s per 10,000 observations), "
        f"mapping {min(map_seconds):.2f} s: ratio {statistics.median(ratios):.2f} (median of {len(ratios)})",
        flush=True,
    )


def folders(names: Sequence[str]) -> Iterator[Path]:
    """Yield the folders of photo sets by name."""
    for name in names:
        yield SAMPLE if name == "sample" else Path(os.environ["RECON_DATA"]) / name


def main() -> None:
    """Measure the photo sets that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", help="folders of $RECON_DATA with images/ and gt.json, or sample")
    parser.add_argument("--extractors", default="sift,xfeat")
    parser.add_argument("--refiner", default="photometric")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, help="keep the workspaces here; default a temporary folder")
    parser.add_argument("--option", action="append", default=[], help="a further option for recon run")
    arguments = parser.parse_args()
    pycolmap.logging.minloglevel = 2
    with tempfile.TemporaryDirectory() as temporary:
        for folder in folders(arguments.sets):
            for extractor in arguments.extractors.split(","):
                compare(folder, extractor, arguments.refiner, arguments.work or Path(temporary), arguments)


if __name__ == "__main__":
    main()
