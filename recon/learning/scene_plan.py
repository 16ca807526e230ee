"""What is rendered for training: random places in random light, and views of them that overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recon.core.arrays import IntArray
from recon.scenes.camera import Camera, looking_at
from recon.scenes.generator import Layout, SceneOptions, Shot, make_scene
from recon.scenes.sensor import Sensor
from recon.scenes.world import Light, World

_STANDPOINTS = {Layout.COURTYARD: 24, Layout.ORBIT: 36, Layout.WALK: 24, Layout.FIELD: 24}
"""From how many places a layout is photographed; a scene's views are some of them that are close together."""
MAX_VIEWS = min(_STANDPOINTS.values()) // 2
_FOCAL = (0.6, 1.2)
"""Focal length as a share of the longer side, as of wide lenses to normal ones."""
_ROLL_DEG = 5.0
_FULL_SUN = 2.0
"""Brightness of the sun where no cloud is before it."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannedView:
    """One photo to be rendered."""

    camera: Camera
    sensor: Sensor
    """Its exposure counts from what a camera would choose by itself."""
    is_later: bool
    """Taken in the second of the two worlds."""


@dataclass(frozen=True, slots=True, eq=False)
class ScenePlan:
    """A place, and the photos to be rendered of it."""

    world: World
    later_world: World
    """The same place when the sun stands elsewhere."""
    views: tuple[PlannedView, ...]


def plan_scene(seed: int, number: int, views: int, size: int, threads: int = 1) -> ScenePlan:
    """Return the scene of a number in the series of a seed: the four layouts take turns.

    Args:
        views: 2 to MAX_VIEWS.
        size: Longer side of the photos in pixels.
    """
    rng = np.random.default_rng((seed, number, 57))
    layout = list(Layout)[number % len(Layout)]
    options = SceneOptions(int(rng.integers(2**31)), _STANDPOINTS[layout], size, layout)
    scene = make_scene(options, threads)
    world, later_world = (replace(scene.world, light=_random_light(rng)) for _ in range(2))
    near = _neighbours(scene.shots, int(rng.integers(len(scene.shots))), 2 * views)
    chosen = np.sort(rng.choice(near, views, replace=False))
    planned = tuple(_view(scene.shots[row], rng, is_later=place % 3 == 2) for place, row in enumerate(chosen))
    return ScenePlan(world, later_world, planned)


def _neighbours(shots: tuple[Shot, ...], middle: int, count: int) -> IntArray:
    """Return the rows of the shots that were taken nearest to one of them, itself included."""
    centers = np.stack([shot.camera.centre for shot in shots])
    return np.argsort(np.linalg.norm(centers - centers[middle], axis=1), kind="stable")[:count]


def _random_light(rng: np.random.Generator) -> Light:
    """Return the light of any hour, under a clear or a grey sky."""
    light = Light.afternoon(azimuth_deg=float(rng.uniform(0, 360)), elevation_deg=float(rng.uniform(20, 70)))
    return replace(light, sun_colour=light.sun_colour * np.float32(rng.uniform(0.1, 1.0)))


def _view(shot: Shot, rng: np.random.Generator, *, is_later: bool) -> PlannedView:
    """Return a photo from where a shot was taken, with a lens and a sensor of its own."""
    width, height = shot.camera.width, shot.camera.height
    ahead = shot.camera.rotation[2]
    camera = looking_at(
        shot.camera.centre,
        shot.camera.centre + 4.0 * ahead + rng.normal(0, 0.15, 3),
        size=(width, height),
        focal_px=width * float(np.exp(rng.uniform(*np.log(_FOCAL)))),
        principal=(float(rng.normal(0, 0.005)) * width, float(rng.normal(0, 0.005)) * width),
        distortion=(float(rng.uniform(-0.1, 0.02)), float(rng.uniform(0, 0.03)), 0.0, 0.0),
        roll_deg=float(rng.normal(0, _ROLL_DEG)),
    )
    sensor = Sensor(
        seed=int(rng.integers(2**31)),
        exposure=float(np.exp(rng.normal(0, 0.25))),
        warmth=float(rng.normal(0, 0.03)),
        full_well=float(np.exp(rng.uniform(*np.log((1500, 10000))))),
        blur_px=float(rng.uniform(0.35, 0.75)),
    )
    return PlannedView(camera, sensor, is_later)
