"""The global engine: rotations of all photos at once, then positions and points (GLOMAP), completed as any model is.

pycolmap's `global_mapping` cannot be watched or stopped from Python, so it runs in a process of its own, which can.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import ImageRegistered, ModelDone, Observer, Warned
from recon.engine.database_file import open_database
from recon.engine.growth import Growth
from recon.engine.ladder import ladder_for
from recon.engine.matches_cache import load_cache
from recon.engine.models import order_models
from recon.engine.refinement import FinalEffort, GrowthEffort
from recon.engine.view_graph import MIN_MATCHES, read_view_graph

_ASKED_EVERY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class GlobalMapper:
    """Places all photos at once by pycolmap's global pipeline, then adds all matches and photos that stayed out."""

    growth_effort: GrowthEffort = GrowthEffort()  # noqa: RUF009 - frozen
    final_effort: FinalEffort = FinalEffort()  # noqa: RUF009 - frozen

    def map(self, database: Path, options: MappingOptions, observer: Observer) -> Sequence[pycolmap.Reconstruction]:
        """Return the models of a COLMAP database, best first; see `recon.Mapper`."""
        pycolmap.set_random_seed(options.seed)
        with open_database(database) as opened:
            cache = load_cache(opened)
            graph = read_view_graph(opened, cache)
        if not graph.pairs or options.should_stop():
            return []
        with tempfile.TemporaryDirectory(prefix="recon-") as folder:
            placed = _place_all(database, Path(folder), options, observer)
        step = ladder_for(graph)[0]
        models = []
        for poses in placed:
            for camera_id in options.fixed_camera_ids & set(poses.cameras):
                poses.camera(camera_id).params = list(cache.camera(camera_id).params)
            growth = Growth(cache, options, self.growth_effort, observer)
            model = growth.complete(poses, step, self.final_effort).model
            growth.accept()
            if model.num_reg_images() >= options.min_model_size and model.num_points3D() > 0:
                models.append(model)
        for model in order_models(models):
            model.update_point_3d_errors()
            observer(
                ModelDone(
                    images=model.num_reg_images(),
                    points3D=model.num_points3D(),
                    mean_reprojection_error_px=float(model.compute_mean_reprojection_error()),
                    first_image=min(model.image(image_id).name for image_id in model.reg_image_ids()),
                )
            )
        return order_models(models)


def _place_all(
    database: Path, folder: Path, options: MappingOptions, observer: Observer
) -> list[pycolmap.Reconstruction]:
    """Return the models of the global pipeline, largest first; none where it was stopped or found none."""
    asked = {
        "database": str(database.resolve()),
        "output": str(folder),
        "threads": options.threads,
        "seed": options.seed,
        "min_model_size": options.min_model_size,
        "refine_intrinsics": not options.fixed_camera_ids,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "from recon.engine.global_mapper import run_pipeline; run_pipeline()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "GLOG_minloglevel": "2"},
        start_new_session=True,  # Ctrl-C is for this process, which then ends the other
    )
    try:
        if process.stdin is None or process.stderr is None:
            raise RuntimeError("the pipes of the global pipeline are missing")
        with suppress(BrokenPipeError):  # it has ended already; its status says more
            process.stdin.write(json.dumps(asked))
            process.stdin.close()
        while process.poll() is None:
            if options.should_stop():
                return []
            time.sleep(_ASKED_EVERY_SECONDS)
        if process.returncode != 0:
            said = process.stderr.read().strip().splitlines()
            observer(Warned(message=f"pycolmap's global mapping failed: {said[-1] if said else process.returncode}"))
            return []
    finally:
        process.kill()
        process.wait()
    models = [pycolmap.Reconstruction(each) for each in sorted(folder.iterdir()) if each.is_dir()]
    for model in order_models(models):
        for count, image_id in enumerate(sorted(model.reg_image_ids()), start=1):
            name = model.image(image_id).name
            observer(ImageRegistered(name=name, registered=count, points3D=model.num_points3D()))
    return order_models(models)


def run_pipeline() -> None:
    """Do what standard input asks for, in a process of its own."""
    asked = json.load(sys.stdin)
    pycolmap.set_random_seed(asked["seed"])
    pipeline = pycolmap.GlobalPipelineOptions()
    pipeline.num_threads = asked["threads"]
    pipeline.random_seed = asked["seed"]
    pipeline.min_model_size = asked["min_model_size"]
    pipeline.min_num_matches = MIN_MATCHES
    for part in (pipeline.mapper, pipeline.mapper.rotation_averaging, pipeline.mapper.global_positioning):
        part.random_seed = asked["seed"]
    pipeline.mapper.num_threads = asked["threads"]
    pipeline.mapper.bundle_adjustment.refine_focal_length = asked["refine_intrinsics"]
    pipeline.mapper.bundle_adjustment.refine_extra_params = asked["refine_intrinsics"]
    pycolmap.global_mapping(asked["database"], ".", asked["output"], pipeline)
