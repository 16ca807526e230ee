"""Objects of stone and of the lathe: blocks, courses of curved blocks, columns, balls."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from recon.core.arrays import FloatArray
from recon.scenes.meshes import Mesh, box_faces, grid, joined
from recon.scenes.workshop import Workshop


def block(
    shop: Workshop, size: tuple[float, float, float], material: str, bump_m: float = 0.012, roundness: float = 0.12
) -> Mesh:
    """Return a rough block about the origin, its edges worn round."""
    half = np.array(size) / 2.0
    tint = shop.tint()
    offset = shop.fresh_offset()
    faces = []
    for position, place in box_faces(size, shop.step_m):
        worn = _rounded(position, half, roundness * float(half.min()))
        outward = position / half
        outward = outward / np.linalg.norm(outward, axis=2, keepdims=True)
        bump = shop.bumps(worn, 0.18, offset=offset)  # one offset: the faces join
        faces.append(grid(worn + bump_m * bump[:, :, None] * outward, place + shop.fresh_place(), 0, tint))
    mesh = joined(faces)
    return replace(mesh, material=np.full(len(mesh.triangles), shop.material(material), np.uint8))


def _rounded(position: FloatArray, half: FloatArray, radius: float) -> FloatArray:
    """Pull the points of a box's surface onto the same box with rounded edges."""
    core = np.clip(position, -(half - radius), half - radius)
    away = position - core
    length = np.linalg.norm(away, axis=-1, keepdims=True)
    return np.asarray(core + away * (radius / np.maximum(length, 1e-9)))


def ring(shop: Workshop, radius: float, height: float, thickness: float, stones: int, material: str) -> Mesh:
    """Return a course of curved blocks around the origin, standing on the ground."""
    start = shop.uniform(0.0, 2.0 * np.pi)
    share = shop.random.uniform(0.8, 1.2, stones)
    edges = start + 2.0 * np.pi * np.cumsum(np.concatenate([[0.0], share])) / share.sum()
    parts = []
    for left, right in pairwise(edges.tolist()):
        length = (right - left) * radius - 0.008
        stone = block(shop, (length, thickness * shop.uniform(0.94, 1.06), height - 0.006), material, 0.014, 0.16)
        angle = (left + right) / 2.0 + stone.vertices[:, 0] / radius
        distance = radius - stone.vertices[:, 1]
        bent = np.stack([distance * np.cos(angle), distance * np.sin(angle), stone.vertices[:, 2] + height / 2.0], 1)
        parts.append(replace(stone, vertices=bent.astype(np.float32)))
    return joined(parts)


def turned(
    shop: Workshop,
    profile: list[tuple[float, float]],
    material: str,
    *,
    bump_m: float = 0.004,
    flutes: int = 0,
    flute_m: float = 0.0,
    place: tuple[float, float] | None = None,
) -> Mesh:
    """Return a body of revolution standing at the origin.

    Args:
        profile: (radius, height) from bottom to top, joined by a smooth curve.
        flutes: Hollows around the body, `flute_m` deep, as on a column.
        place: Where on the material's sheet the top left corner lies; anywhere by default.
    """
    radii, heights = _smooth(profile, shop.step_m)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(radii), np.diff(heights)))])
    columns = max(24, round(2.0 * np.pi * float(radii.max()) / shop.step_m) + 1)
    angle = np.linspace(0.0, 2.0 * np.pi, columns)
    hollow = flute_m * np.abs(np.cos(flutes * angle / 2.0)) if flutes else np.zeros(columns)
    base = np.stack(
        [
            np.cos(angle)[None, :] * (radii[:, None] - hollow),
            np.sin(angle)[None, :] * (radii[:, None] - hollow),
            np.broadcast_to(heights[:, None], (len(heights), columns)),
        ],
        2,
    )
    swell = 1.0 + bump_m / max(float(radii.max()), 1e-6) * shop.bumps(base, 0.15)
    swell[:, -1] = swell[:, 0]
    base[:, :, :2] *= swell[:, :, None]
    corner = shop.fresh_place() if place is None else np.array(place)
    uv = np.empty((*base.shape[:2], 2))
    uv[:, :, 0] = corner[0] + angle[None, :] * float(radii.max())
    uv[:, :, 1] = corner[1] + (length[-1] - length)[:, None]
    if material == "wood":
        uv = uv[:, :, ::-1]  # its grain runs upwards
    return grid(base, uv, shop.material(material), shop.tint())


def _smooth(profile: list[tuple[float, float]], step_m: float) -> tuple[FloatArray, FloatArray]:
    """Return radii and heights about `step_m` apart along the profile, its corners slightly rounded."""
    points = np.array(profile, float)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    where = np.linspace(0.0, length[-1], max(len(points), round(length[-1] / step_m) + 1))
    return np.interp(where, length, points[:, 0]), np.interp(where, length, points[:, 1])


def ball(shop: Workshop, radius: float, material: str) -> Mesh:
    """Return a stone ball resting on the origin."""
    angle = np.linspace(-np.pi / 2.0, np.pi / 2.0, 25)
    profile = [(radius * float(np.cos(a)), radius * float(1.0 + np.sin(a))) for a in angle]
    return turned(shop, profile, material, bump_m=0.006)


def column(shop: Workshop, height: float, material: str) -> Mesh:
    """Return a fluted column with base and capital, standing at the origin."""
    foot = [(0.42, 0.0), (0.42, 0.12), (0.34, 0.16), (0.36, 0.22)]
    shaft = [(0.34, 0.2), (0.3, 0.28), (0.27, height - 0.11), (0.33, height - 0.06), (0.38, height)]
    return joined(
        [
            turned(shop, foot, material),
            turned(shop, shaft, material, flutes=20, flute_m=0.022),
        ]
    )
