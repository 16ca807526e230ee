"""The sky: what it looks like, and how much of its light reaches each vertex."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray
from recon.scenes.noise import Sheet, look_up
from recon.scenes.world import World

_DIRECTIONS = 40
_LIFT_M = 0.006
_FAR_GROUND = (0.2, 0.19, 0.16)


def sky_colour(directions: FloatArray, clouds: Sheet) -> FloatArray:
    """Return the (N, 3) light from (N, 3) directions: blue, paler towards the horizon, with soft clouds."""
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    height = np.clip(unit[:, 2:], 0.02, 1.0)
    cloud = look_up(clouds, (unit[:, :2] / height * 40.0 + 1000.0) % len(clouds))
    share = np.sqrt(np.clip(unit[:, 2:], 0.0, 1.0))
    blue = (1.0 - share) * (0.95, 0.98, 1.0) + share * (0.25, 0.48, 0.9)
    white = np.clip((cloud - 0.5) * 2.5, 0.0, 0.85) * np.clip(share * 3, 0, 1)
    above = (blue * (1.0 - white) + 1.15 * white) * 0.85
    return np.where(unit[:, 2:] < 0.0, _FAR_GROUND, above).astype(np.float32)


def skylight_of(
    world: World, normals: FloatArray, is_hidden: Callable[[FloatArray, FloatArray], npt.NDArray[np.bool_]]
) -> FloatArray:
    """Return the (V, 3) light that each vertex gets from the sky, and from the lit ground below.

    Args:
        normals: (V, 3) of the world's vertices.
        is_hidden: Says of points whether something stands between them and a direction.
    """
    number = np.arange(_DIRECTIONS) + 0.5
    rise = np.sqrt(1.0 - number / _DIRECTIONS)  # as the cosine: equal shares of what level ground gets
    turn = number * np.pi * (3.0 - np.sqrt(5.0))
    flat = np.sqrt(1.0 - rise**2)
    total = np.zeros(len(normals), np.float32)
    for direction in np.stack([flat * np.cos(turn), flat * np.sin(turn), rise], 1).astype(np.float32):
        facing = normals @ direction
        seen = np.flatnonzero(facing > 0.0)
        start = world.mesh.vertices[seen] + np.float32(_LIFT_M) * normals[seen]
        total[seen] += facing[seen] * ~is_hidden(start, direction) / (direction[2] * _DIRECTIONS)
    below = 0.8 - 0.5 * normals[:, 2:]
    light = world.light
    return total[:, None] * light.sky_colour + below * light.ground_colour * np.float32(0.35)
