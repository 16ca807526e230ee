"""From a seed to a scene: the world, and each photo's camera and exposure, the same on every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from recon.core.errors import Cause, UsageError
from recon.scenes.camera import Camera, looking_at
from recon.scenes.courtyard import courtyard
from recon.scenes.field import field
from recon.scenes.plaza import plaza
from recon.scenes.sensor import Sensor
from recon.scenes.street import street
from recon.scenes.workshop import Workshop, palette
from recon.scenes.world import Light, Place, Viewpoint, World

FOCAL_35MM = 28
"""What the photos' EXIF says; the true focal length is within a percent of it, as with a real lens."""
_FOCAL = 0.803
"""Focal length as a share of the longer side."""
_DISTORTION = (-0.085, 0.03, 0.0002, -0.00015)


class Layout(StrEnum):
    """What is photographed, and from where."""

    COURTYARD = "courtyard"
    """A well before a wall, from an arc: the sample set; up to about 40 photos."""
    ORBIT = "orbit"
    """A monument on a walled square, from rings around it: up to about 200 photos."""
    WALK = "walk"
    """A street walked along and back: it grows with the number of photos."""
    FIELD = "field"
    """A field from above, in rows: it grows with the number of photos."""


_PLACES: dict[Layout, tuple[Callable[[Workshop, int], Place], float]] = {
    Layout.COURTYARD: (courtyard, 1.0),
    Layout.ORBIT: (plaza, 1.3),
    Layout.WALK: (street, 1.5),
    Layout.FIELD: (field, 1.5),
}
"""What makes each layout, and how much coarser than the courtyard's its meshes are, for their size."""


@dataclass(frozen=True, slots=True)
class SceneOptions:
    """Everything that decides what a scene looks like."""

    seed: int = 0
    photos: int = 16
    size: int = 1024
    """Longer side of the photos in pixels; 4:3."""
    layout: Layout = Layout.COURTYARD
    samples: int = 2
    """Rays through each pixel are this number squared."""
    quality: int = 84
    """Of the JPEG files."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("seed", 0, 2**31),
            ("photos", 1, 5000),
            ("size", 64, 8192),
            ("samples", 1, 8),
            ("quality", 1, 100),
        ):
            if not low <= getattr(self, name) <= high:
                raise UsageError(
                    f"{name} = {getattr(self, name)} is out of range: {low} to {high}", code=Cause.BAD_VALUE
                )


SAMPLE = SceneOptions(seed=7, photos=16, size=1024)
"""What `datasets/sample` was made with."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One photo to be taken."""

    name: str
    camera: Camera
    sensor: Sensor


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A world and the photos to be taken in it."""

    options: SceneOptions
    world: World
    shots: tuple[Shot, ...]


def image_name(number: int) -> str:
    """Return the file name of a photo by its number in the walk."""
    return f"{number:04d}.jpg"


def make_scene(options: SceneOptions, threads: int = 1) -> Scene:
    """Return the scene that the options describe.

    Detail follows the size of the photos, so that small ones are made in seconds.
    """
    pixel_m = 4.0 / (_FOCAL * options.size)  # what a pixel covers at 4 m
    build, coarseness = _PLACES[options.layout]
    place = build(Workshop.open(options.seed, 4.0 * coarseness * pixel_m), options.photos)
    light = Light.afternoon(azimuth_deg=-128.0, elevation_deg=44.0)
    world = World(place.mesh, palette(options.seed, pixel_m / 3.0, threads), light)
    return Scene(options, world, _shots(options, place.viewpoints))


def _shots(options: SceneOptions, viewpoints: Sequence[Viewpoint]) -> tuple[Shot, ...]:
    random = np.random.default_rng((options.seed, 41))
    width, height = options.size, round(options.size * 3 / 4)
    shots = []
    for number, viewpoint in enumerate(viewpoints):
        camera = looking_at(
            np.array(viewpoint.centre),
            np.array(viewpoint.target),
            size=(width, height),
            focal_px=_FOCAL * options.size,
            principal=(0.0024 * options.size, -0.0017 * options.size),
            distortion=_DISTORTION,
            roll_deg=float(random.normal(0.0, 1.5)),
        )
        sensor = Sensor(
            seed=options.seed * 100_003 + number,
            exposure=0.85 * float(np.exp(random.normal(0.0, 0.1))),
            warmth=float(random.normal(0.0, 0.015)),
            blur_px=0.45 + 0.1 * float(random.random()),
        )
        shots.append(Shot(image_name(number), camera, sensor))
    return tuple(shots)
