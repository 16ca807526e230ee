"""Triangle meshes with what the renderer needs at each vertex, and the grids and boxes that objects are made of.

World axes: x and y along the ground, z up; metres.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from recon.core.arrays import FloatArray, IntArray, check_shape


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """V vertices and T triangles."""

    vertices: FloatArray
    """(V, 3) float32 metres."""
    triangles: IntArray
    """(T, 3) int32, counter-clockwise seen from outside."""
    uv: FloatArray
    """(V, 2) float32: where on its material's sheet a vertex lies, in metres."""
    material: IntArray
    """(T,) uint8: number of the material."""
    tint: FloatArray
    """(V, 3) float32: factor on the material's colour."""

    def __post_init__(self) -> None:
        check_shape("vertices", self.vertices, (None, 3))
        check_shape("triangles", self.triangles, (None, 3))
        check_shape("uv", self.uv, (len(self.vertices), 2))
        check_shape("material", self.material, (len(self.triangles),))
        check_shape("tint", self.tint, (len(self.vertices), 3))

    def moved(self, offset: tuple[float, float, float], turn_deg: float = 0.0) -> Mesh:
        """Return the mesh turned about the vertical axis, then shifted."""
        angle = np.deg2rad(turn_deg)
        rotation = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        return replace(self, vertices=(self.vertices @ rotation + offset).astype(np.float32))

    def tilted(self, rotation: FloatArray) -> Mesh:
        """Return the mesh under a (3, 3) rotation about the origin."""
        return replace(self, vertices=(self.vertices @ rotation.T).astype(np.float32))

    def normals(self) -> FloatArray:
        """Return (V, 3) float32 unit normals, smooth over each chart."""
        corner = self.vertices[self.triangles]
        face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        total = np.zeros((len(self.vertices), 3))
        for axis in range(3):
            for side in range(3):
                total[:, axis] += np.bincount(self.triangles[:, side], face[:, axis], len(total))
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return np.asarray(total / np.maximum(length, 1e-12), np.float32)


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """Return all meshes as one."""
    parts = list(meshes)
    first = np.cumsum([0] + [len(part.vertices) for part in parts])
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.triangles + start for part, start in zip(parts, first, strict=False)]).astype(np.int32),
        np.concatenate([part.uv for part in parts]),
        np.concatenate([part.material for part in parts]),
        np.concatenate([part.tint for part in parts]),
    )


def grid(vertices: FloatArray, uv: FloatArray, material: int, tint: FloatArray | float = 1.0) -> Mesh:
    """Return the surface through (R, C, 3) vertices with (R, C, 2) texture places.

    The outside is where columns x rows points to.
    """
    rows, columns = vertices.shape[:2]
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None, :]).ravel()
    triangles = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + columns + 1], 1),
            np.stack([corner, corner + columns + 1, corner + columns], 1),
        ]
    ).astype(np.int32)
    count = rows * columns
    colour = np.broadcast_to(np.asarray(tint, np.float32), (rows, columns, 3)).reshape(count, 3).copy()
    return Mesh(
        np.ascontiguousarray(vertices.reshape(count, 3), np.float32),
        triangles,
        np.ascontiguousarray(uv.reshape(count, 2), np.float32),
        np.full(len(triangles), material, np.uint8),
        colour,
    )


def box_faces(size: tuple[float, float, float], step_m: float) -> list[tuple[FloatArray, FloatArray]]:
    """Return the six faces of a box about the origin as (positions (R, C, 3), places on the face (R, C, 2)).

    The vertical faces have their second coordinate upwards, so that lettering stands upright.
    """
    half = np.array(size) / 2.0
    faces: list[tuple[FloatArray, FloatArray]] = []
    for axis, across, up in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        columns = max(2, round(size[across] / step_m) + 1)
        rows = max(2, round(size[up] / step_m) + 1)
        for sign in (-1.0, 1.0):
            # seen from outside, `across` runs to the right
            right = sign if axis == 0 else -sign if axis == 1 else 1.0
            a = np.linspace(-half[across], half[across], columns) * right
            b = np.linspace(-half[up], half[up], rows) * (sign if axis == 2 else 1.0)
            position = np.empty((rows, columns, 3))
            position[:, :, axis] = sign * half[axis]
            position[:, :, across] = a[None, :]
            position[:, :, up] = b[:, None]
            place = np.empty((rows, columns, 2))
            place[:, :, 0] = np.linspace(0.0, size[across], columns)[None, :]
            place[:, :, 1] = np.linspace(size[up], 0.0, rows)[:, None]
            faces.append((position, place))
    return faces
