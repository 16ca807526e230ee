"""Takes the photos of a planned scene, and says where each keypoint of one appears in the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.components import FeatureExtractor
from recon.core.data import Image
from recon.learning.annotate import annotated
from recon.learning.scene_plan import PlannedView, ScenePlan
from recon.learning.scene_views import SceneView
from recon.learning.sightings import sightings, surface_behind
from recon.scenes.render import Stage
from recon.scenes.sensor import develop

_BRIGHTNESS = 0.3
"""Mean light of a photo for which a camera exposes, white being 1."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """What finds the keypoints."""

    extractor: FeatureExtractor
    key: str
    """Of everything that decides what it finds, as `recon.choice.Choice.identity` tells it."""
    with_descriptors: bool = True
    """Whether its descriptors are wanted."""


class Studio:
    """A planned scene; a world is made ready when its first photo is taken, which takes seconds."""

    def __init__(self, plan: ScenePlan, threads: int = 1) -> None:
        self._plan = plan
        self._threads = threads

    @cached_property
    def _stage(self) -> Stage:
        return Stage(self._plan.world, self._threads)

    @cached_property
    def _later_stage(self) -> Stage:
        return Stage(self._plan.later_world, self._threads)

    def view(self, number: int, name: str, samples: int, teacher: Teacher) -> SceneView:
        """Return one view with the keypoints that the teacher finds in it; `samples` as in `Stage.photo`."""
        planned = self._plan.views[number]
        image = Image(name, self.photo(planned, samples))
        features = teacher.extractor.extract(image)
        surface = surface_behind(features.keypoints, planned.camera, self._stage)
        return SceneView(
            photo=annotated(image, features, with_descriptors=teacher.with_descriptors),
            num_solid=int(np.isfinite(surface.points[:, 0]).sum()),
            seen_in={
                other: sightings(surface, view.camera, self._stage)
                for other, view in enumerate(self._plan.views)
                if other != number
            },
        )

    def photo(self, view: PlannedView, samples: int) -> UInt8Array:
        """Return the (H, W, 3) pixels of a view, exposed as a camera does: for the mean of what it sees."""
        light = (self._later_stage if view.is_later else self._stage).radiance(view.camera, samples)
        exposure = view.sensor.exposure * _BRIGHTNESS / max(float(np.minimum(light, 1).mean()), 1e-3)
        return develop(light, view.camera, replace(view.sensor, exposure=exposure))
