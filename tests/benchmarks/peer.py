"""pycolmap's own pipeline with its own options, timed stage by stage: the peer of the benchmarks.

Run as a process of its own: `python tests/benchmarks/peer.py PHOTOS OUT [--truth gt.json] [--pairs sequential]`
prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pycolmap


def intrinsics(truth: Path) -> tuple[str, list[float]]:
    """Return COLMAP's camera model and parameters of the truth's calibration (COLMAP's pixel origin)."""
    first = next(iter(json.loads(truth.read_text())["images"].values()))
    k, distortion = first["K"], first.get("dist")
    params = [k[0][0], k[1][1], k[0][2] + 0.5, k[1][2] + 0.5]
    return ("OPENCV", params + list(distortion)) if distortion else ("PINHOLE", params)


def mapping_options(fixed: bool) -> pycolmap.IncrementalPipelineOptions:
    """Return pycolmap's defaults, with the smallest model of 3 images that the comparison allows."""
    options = pycolmap.IncrementalPipelineOptions()
    options.min_model_size = 3
    if fixed:
        options.ba_refine_focal_length = False
        options.ba_refine_principal_point = False
        options.ba_refine_extra_params = False
    return options


def run_peer(photos: Path, out: Path, truth: Path | None, pairs: str, features: int, max_size: int) -> dict[str, Any]:
    """Return seconds per stage of pycolmap's pipeline; its models lie in `out`."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "sparse").mkdir(parents=True)
    database = out / "database.db"
    reader = pycolmap.ImageReaderOptions()
    mode = pycolmap.CameraMode.AUTO
    if truth is not None:
        model, params = intrinsics(truth)
        reader.camera_model = model
        reader.camera_params = ",".join(str(p) for p in params)
        mode = pycolmap.CameraMode.SINGLE
    extraction = pycolmap.FeatureExtractionOptions()
    extraction.max_image_size = max_size
    extraction.sift.max_num_features = features
    seconds = {}

    start = time.perf_counter()
    pycolmap.extract_features(database, photos, camera_mode=mode, reader_options=reader, extraction_options=extraction)
    seconds["extract"] = time.perf_counter() - start

    start = time.perf_counter()
    if pairs == "exhaustive":
        pycolmap.match_exhaustive(database)
    else:
        sequential = pycolmap.SequentialPairingOptions()
        sequential.overlap = 12
        sequential.quadratic_overlap = True
        pycolmap.match_sequential(database, pairing_options=sequential)
    seconds["match"] = time.perf_counter() - start

    start = time.perf_counter()
    models = pycolmap.incremental_mapping(database, photos, out / "sparse", mapping_options(truth is not None))
    seconds["map"] = time.perf_counter() - start
    seconds["total"] = sum(seconds.values())
    best = max(models.values(), key=lambda m: m.num_reg_images(), default=None)
    if best is not None:
        (out / "best").mkdir(exist_ok=True)
        best.write(out / "best")
    return {"seconds": seconds, "registered": best.num_reg_images() if best else 0}


def main() -> None:
    """Run the peer as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--pairs", choices=["exhaustive", "sequential"], default="exhaustive")
    parser.add_argument("--features", type=int, default=8192)
    parser.add_argument("--max-size", type=int, default=1600)
    arguments = parser.parse_args()
    pycolmap.logging.minloglevel = 2
    start = time.perf_counter()
    result = run_peer(
        arguments.photos,
        arguments.out,
        arguments.truth,
        arguments.pairs,
        arguments.features,
        arguments.max_size,
    )
    result["process_seconds"] = time.perf_counter() - start
    print(json.dumps(result))


if __name__ == "__main__":
    main()
