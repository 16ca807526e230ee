"""COLMAP's own program as a peer, on the CPU: Debian has version 3.8."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from measuring import run
from photo_sets import PhotoSet, intrinsics


def colmap_version() -> str | None:
    """Return "COLMAP 3.8" where that is installed, None without the program."""
    if shutil.which("colmap") is None:
        return None
    return " ".join(run(["colmap", "help"]).stdout.split()[:2]).rstrip(":")


def run_colmap(photo_set: PhotoSet, out: Path, seed: int) -> tuple[float, float]:
    """Run features, all pairs and the incremental mapper into a folder; return their seconds together and peak MiB."""
    (out / "sparse").mkdir(parents=True)
    database = ["--database_path", str(out / "database.db")]
    photos = ["--image_path", str(photo_set.photos)]
    seeded = ["--random_seed", str(seed)]
    sift = ["--SiftExtraction.max_image_size", "1600", "--SiftExtraction.max_num_features", "8192"]
    camera, fixed = [], []
    if photo_set.calibration is not None:
        model, params = intrinsics(photo_set.calibration)
        camera = ["--ImageReader.single_camera", "1", "--ImageReader.camera_model", model]
        camera += ["--ImageReader.camera_params", ",".join(map(str, params))]
        fixed = ["--Mapper.ba_refine_focal_length", "0", "--Mapper.ba_refine_extra_params", "0"]
    steps = (
        ["feature_extractor", *database, *photos, *camera, *sift, "--SiftExtraction.use_gpu", "0"],
        ["exhaustive_matcher", *database, "--SiftMatching.use_gpu", "0"],
        ["mapper", *database, *photos, *fixed, "--output_path", str(out / "sparse"), "--Mapper.min_model_size", "3"],
    )
    done = []
    for step in steps:
        done.append(run(["colmap", step[0], *seeded, *step[1:]]))
        if done[-1].status != 0:
            sys.stderr.write(f"colmap {step[0]} ended with {done[-1].status}: {done[-1].stderr[-500:]}\n")
            break
    return sum(each.seconds for each in done), max(each.peak_mib for each in done)
