"""Maps rigs by pycolmap's own pipeline, from the first frame to the last adjustment.

Our growth is made for photos that stand alone: on synthetic rigs with wide baselines it lost every frame, where the
pipeline registered all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pycolmap

from recon.core.components import MappingOptions
from recon.core.events import Noted, Observer


def map_rigs(database: Path, options: MappingOptions, observer: Observer) -> Sequence[pycolmap.Reconstruction]:
    """Return the models that pycolmap's pipeline makes of a database, in its order."""
    observer(Noted(message="cameras are fixed to each other in rigs: pycolmap's own incremental pipeline maps them"))
    pipeline = pycolmap.IncrementalPipelineOptions()
    pipeline.num_threads = options.threads
    pipeline.random_seed = options.seed
    pipeline.extract_colors = False
    pipeline.min_model_size = options.min_model_size
    pipeline.constant_cameras = set(options.fixed_camera_ids)
    with tempfile.TemporaryDirectory() as folder:
        models = pycolmap.incremental_mapping(database, folder, folder, pipeline)
    return list(models.values())
