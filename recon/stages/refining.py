"""What follows mapping where a refiner is wanted: keypoints of the models moved, and the models adjusted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from recon.core.arrays import UInt8Array
from recon.core.components import MappingOptions
from recon.core.events import StageStarted
from recon.matching.images import load_image
from recon.matching.orientation import orientation_on_sensor
from recon.run import Run

if TYPE_CHECKING:
    import pycolmap


def refine_models(
    run: Run, models: Sequence[pycolmap.Reconstruction], options: MappingOptions
) -> Sequence[pycolmap.Reconstruction]:
    """Return the models with their tracks refined; each as it was where that does not improve it, or none is wanted.

    The database keeps the keypoints as they were found.

    Raises:
        UnreadableImage: A photo was damaged or taken away while the run went on.
        ReconError: BROKEN_PLUGIN, the refiner's answer is none.
    """
    from recon.engine.track_refinement import refine_tracks

    if run.team.refiner is None or not models:
        return models
    run.observer(StageStarted(stage="refine", total=len(models), summary=run.team.refiner.name))
    photos = {image.name: image for image in run.usable}

    def load_sensor_pixels(name: str) -> UInt8Array:
        photo = photos[name]
        as_stored = replace(photo, orientation=orientation_on_sensor(photo.orientation), mask=None)
        return load_image(as_stored, max(as_stored.width, as_stored.height)).pixels

    refined = []
    with run.timed("refine"):
        refiner = run.team.refiner.create(run.plan.threads, run.note)
        for model in models:
            outcome = refine_tracks(model, refiner, load_sensor_pixels, options)
            run.note(f"refine: {outcome.describe()}")
            refined.append(outcome.model)
    return refined
