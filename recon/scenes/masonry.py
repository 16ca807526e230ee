"""Walls of coursed stone, and paving."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from recon.core.arrays import FloatArray, IntArray
from recon.scenes.meshes import Mesh, grid, joined
from recon.scenes.stonework import block
from recon.scenes.workshop import Workshop

_BOARD_M = 0.19


@dataclass(frozen=True, slots=True)
class Niche:
    """An arched recess in a wall, closed at its back by a door of boards."""

    centre: float
    """Metres from the wall's left end."""
    width: float
    height: float
    depth: float


def wall(
    shop: Workshop, length: float, height: float, material: str, niche: Niche | None = None, course: float = 0.28
) -> Mesh:
    """Return a masonry front along x from the origin, facing -y, with joints between its stones.

    Heights and lengths of the stones differ, each stands out a little differently.
    """
    x, z = np.meshgrid(*(np.linspace(0.0, end, max(2, round(end / shop.step_m) + 1)) for end in (length, height)))
    stone, joint = _bond(shop, x, z, course)
    count = int(stone.max()) + 1
    points = np.stack([x, np.zeros_like(x), z], 2)
    out = shop.random.normal(0.0, 0.014, count)[stone] * joint - 0.03 * (1.0 - joint)
    out += 0.02 * shop.bumps(points, 0.35, 4) * joint
    tint = (shop.random.uniform(0.78, 1.15, count)[stone] * (0.6 + 0.4 * joint))[:, :, None]
    tint = tint * (1.0 + 0.035 * shop.random.normal(0.0, 1.0, (count, 3)))[stone]
    uv = np.stack([x, height - z], 2) + shop.fresh_place()
    if niche is None:
        points[:, :, 1] = -out
        return grid(points, uv, shop.material(material), tint)
    recess = _recess(x, z, niche)
    is_door = recess > 0.95
    groove = np.clip(np.abs((x / _BOARD_M) % 1.0 - 0.5) * 2.0 - 0.7, 0.0, 0.15) / 0.15
    points[:, :, 1] = np.where(is_door, niche.depth + 0.012 * groove, niche.depth * recess - out)
    tint = np.where(is_door[:, :, None], (0.95 - 0.6 * groove)[:, :, None] * _board_tints(shop, x), tint)
    uv = np.where(is_door[:, :, None], uv[:, :, ::-1], uv)  # the boards' grain runs upwards
    mesh = grid(points, uv, shop.material(material), tint)
    inside = is_door.ravel()[mesh.triangles].all(axis=1)
    return replace(mesh, material=np.where(inside, shop.material("wood"), mesh.material).astype(np.uint8))


def _board_tints(shop: Workshop, x: FloatArray) -> FloatArray:
    board = (x / _BOARD_M).astype(int)
    return np.asarray(shop.random.uniform(0.7, 1.1, int(board.max()) + 1)[board][:, :, None])


def _bond(shop: Workshop, x: FloatArray, z: FloatArray, course: float) -> tuple[IntArray, FloatArray]:
    """Return which stone each point belongs to, and 1 on its face falling to 0 in the joints."""
    levels = _cuts(shop, 0.0, float(z.max()), course * 0.75, course * 1.25)
    row, edge = _between_cuts(levels, z)
    stone = np.zeros(x.shape, int)
    first = 0
    for number in range(len(levels) - 1):
        here = row == number
        ends = _cuts(shop, -shop.uniform(0.05, 0.5), float(x.max()), course, course * 2.4)
        column, side = _between_cuts(ends, x[here])
        stone[here] = first + column
        edge[here] = np.minimum(edge[here], side)
        first += len(ends) - 1
    return stone, np.clip((edge - 0.006) / 0.022, 0.0, 1.0)


def _cuts(shop: Workshop, start: float, end: float, shortest: float, longest: float) -> FloatArray:
    """Return places from `start` to beyond `end`, irregularly apart."""
    places = [start]
    while places[-1] < end:
        places.append(places[-1] + shop.uniform(shortest, longest))
    return np.array(places)


def _between_cuts(cuts: FloatArray, where: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the interval that each place lies in, and its distance to the nearer end."""
    number = np.clip(np.searchsorted(cuts, where, side="right") - 1, 0, len(cuts) - 2)
    return number, np.minimum(where - cuts[number], cuts[number + 1] - where)


def _recess(x: FloatArray, z: FloatArray, niche: Niche) -> FloatArray:
    """Return 1 inside an arched opening, 0 outside, with a steep rim."""
    half = niche.width / 2.0
    spring = niche.height - half
    across = np.abs(x - niche.centre)
    outside = np.where(z <= spring, across - half, np.hypot(across, z - spring) - half)
    return np.asarray(np.clip(-outside / 0.03, 0.0, 1.0))


def coping(shop: Workshop, length: float, height: float, material: str) -> Mesh:
    """Return the blocks on top of a wall along x from the origin."""
    ends = _cuts(shop, -0.05, length - 0.3, 0.38, 0.62)
    parts = []
    for left, right in pairwise(ends.tolist()):
        stone = block(shop, (right - left - 0.01, 0.4, 0.15), material, 0.01)
        parts.append(stone.moved(((left + right) / 2.0, 0.09, height + 0.07), shop.uniform(-1.5, 1.5)))
    return joined(parts)


def paving(shop: Workshop, size: tuple[float, float], material: str, slab_m: float = 0.55) -> Mesh:
    """Return flagstones about the origin, each a little tilted, the joints between them low."""
    x, y = np.meshgrid(*(np.linspace(-end / 2.0, end / 2.0, max(2, round(end / shop.step_m) + 1)) for end in size))
    slab, rim, centre = _slabs(shop, x, y, slab_m)
    count = int(slab.max()) + 1
    points = np.stack([x, y, np.zeros_like(x)], 2)
    joint = np.clip((rim - 0.008) / 0.022, 0.0, 1.0)
    tilt = shop.random.normal(0.0, 0.018, (count, 2))[slab]
    rise = shop.random.normal(0.0, 0.007, count)[slab] + (tilt * (points[:, :, :2] - centre)).sum(axis=2)
    points[:, :, 2] = (rise + 0.006 * shop.bumps(points, 0.3, 4)) * joint - 0.035 * (1.0 - joint)
    shade = shop.random.uniform(0.7, 1.12, count)[slab] * (0.45 + 0.55 * joint)
    hue = (1.0 + 0.02 * shop.random.normal(0.0, 1.0, (count, 3)))[slab]
    uv = np.stack([x, -y], 2) + shop.fresh_place()
    return grid(points, uv, shop.material(material), shade[:, :, None] * hue)


def _slabs(shop: Workshop, x: FloatArray, y: FloatArray, slab_m: float) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return each point's slab, its distance to the slab's rim, and the slab's centre: Voronoi cells."""
    first = np.array([float(x.min()), float(y.min())]) - 2.0 * slab_m
    column, row = ((x - first[0]) / slab_m).astype(int), ((y - first[1]) / slab_m).astype(int)
    columns = int(column.max()) + 2
    jitter = shop.random.uniform(0.1, 0.9, (int(row.max()) + 2, columns, 2))
    nearest = np.full(x.shape, np.inf)
    second = np.full(x.shape, np.inf)
    slab = np.zeros(x.shape, int)
    centre = np.zeros((*x.shape, 2))
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            cell = np.stack([column + dx, row + dy], 2)
            seed = first + (cell + jitter[row + dy, column + dx]) * slab_m
            distance = np.hypot(x - seed[:, :, 0], y - seed[:, :, 1])
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            nearest = np.where(closer, distance, nearest)
            slab = np.where(closer, cell[:, :, 1] * columns + cell[:, :, 0], slab)
            centre = np.where(closer[:, :, None], seed, centre)
    return slab, (second - nearest) / 2.0, centre
