"""pycolmap's own pipeline with its own options, timed stage by stage: the peer of the benchmarks.

Run as a process of its own: `python tests/benchmarks/peer.py PHOTOS OUT [--truth gt.json] [--pairs sequential]`
prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
import zlib  # noqa: F401  # before pycolmap, whose own copy the system's would else mix with
from pathlib import Path
from typing import Any

import pycolmap
from photo_sets import intrinsics


def mapping_options(fixed: bool) -> pycolmap.IncrementalPipelineOptions:
    """Return pycolmap's defaults, with the smallest model of 3 images that the comparison allows."""
    options = pycolmap.IncrementalPipelineOptions()
    options.min_model_size = 3
    if fixed:
        options.ba_refine_focal_length = False
        options.ba_refine_principal_point = False
        options.ba_refine_extra_params = False
    return options


def global_options(fixed: bool) -> pycolmap.GlobalPipelineOptions:
    """Return the defaults of pycolmap's global pipeline, whose smallest model is of 3 images."""
    options = pycolmap.GlobalPipelineOptions()
    if fixed:
        options.mapper.bundle_adjustment.refine_focal_length = False
        options.mapper.bundle_adjustment.refine_extra_params = False
    return options


def map_photos(
    mapper: str, database: Path, photos: Path, models: Path, fixed: bool
) -> dict[int, pycolmap.Reconstruction]:
    """Return the models of one of pycolmap's mappers."""
    if mapper == "global":
        return pycolmap.global_mapping(database, photos, models, global_options(fixed))
    return pycolmap.incremental_mapping(database, photos, models, mapping_options(fixed))


def run_peer(
    photos: Path, out: Path, truth: Path | None, pairs: str, features: int, max_size: int, mapper: str
) -> dict[str, Any]:
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
    models = map_photos(mapper, database, photos, out / "sparse", truth is not None)
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
    parser.add_argument("--mapper", choices=["incremental", "global"], default="incremental")
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
        arguments.mapper,
    )
    result["process_seconds"] = time.perf_counter() - start
    print(json.dumps(result))


if __name__ == "__main__":
    main()
