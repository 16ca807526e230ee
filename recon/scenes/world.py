"""A world: everything that can be photographed, its light, and where the photographer stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray
from recon.scenes.meshes import Mesh
from recon.scenes.textures import Palette


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Where a photo is taken from, and what its middle shows; metres."""

    centre: tuple[float, float, float]
    target: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What stands somewhere, and from where it is photographed."""

    mesh: Mesh
    viewpoints: tuple[Viewpoint, ...]
    """One a photo, in the order in which they are taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Sun and sky."""

    sun: FloatArray
    """(3,) unit vector towards the sun."""
    sun_colour: FloatArray
    """(3,) irradiance on a surface that faces the sun."""
    sky_colour: FloatArray
    """(3,) irradiance of the whole sky on level ground."""
    ground_colour: FloatArray
    """(3,) what the sunlit ground gives to a surface that faces it."""

    @classmethod
    def afternoon(cls, azimuth_deg: float, elevation_deg: float) -> Light:
        """Return a warm sun under a blue sky."""
        azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
        sun = np.array(
            [np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)], np.float32
        )
        return cls(
            sun,
            np.array([1.0, 0.9, 0.74], np.float32) * np.float32(2.0),
            np.array([0.62, 0.74, 0.95], np.float32) * np.float32(0.95),
            np.array([0.5, 0.44, 0.36], np.float32) * np.float32(0.6),
        )


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Everything there is."""

    mesh: Mesh
    palette: Palette
    light: Light
