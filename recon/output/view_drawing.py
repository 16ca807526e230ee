"""Arrays as Open3D's geometries."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.output.scene import Scene
from recon.output.view_scene import ViewScene


def points_of(positions: FloatArray, colors: UInt8Array) -> Any:
    """Return a point cloud of (N, 3) positions and uint8 colours."""
    import open3d as o3d

    points = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(positions))
    points.colors = o3d.utility.Vector3dVector(colors / 255.0)
    return points


def lines_of(ends: FloatArray, color: tuple[int, int, int]) -> Any:
    """Return a line set of (L, 2, 3) ends."""
    import open3d as o3d

    rows = np.arange(2 * len(ends)).reshape(-1, 2)
    lines = o3d.geometry.LineSet(o3d.utility.Vector3dVector(ends.reshape(-1, 3)), o3d.utility.Vector2iVector(rows))
    lines.paint_uniform_color(np.array(color) / 255.0)
    return lines


def photos_of(shown: ViewScene) -> Any | None:
    """Return the photos in their frusta as one textured mesh; None where there are none."""
    import open3d as o3d

    there = np.nonzero(np.isfinite(shown.sheet.cells).all(axis=1))[0]
    if not len(there):
        return None
    triangles = (4 * np.arange(len(there))[:, None, None] + np.array([(0, 1, 2), (0, 2, 3)])).reshape(-1, 3)
    left, top, right, bottom = shown.sheet.cells[there].T
    corners = np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 2)
    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(shown.links.corners[there].reshape(-1, 3)), o3d.utility.Vector3iVector(triangles)
    )
    mesh.triangle_uvs = o3d.utility.Vector2dVector(corners[triangles.reshape(-1)])
    mesh.triangle_material_ids = o3d.utility.IntVector(np.zeros(len(triangles), np.int32))
    pixels: Any = np.ascontiguousarray(shown.sheet.pixels)
    mesh.textures = [o3d.geometry.Image(pixels)]
    return mesh


def point_radius_px(scene: Scene, width: int) -> float:
    """Return how large a point is in a picture of so many pixels across."""
    return scene.point_radius / scene.viewpoint.distance * width / (2 * scene.viewpoint.tangents[0])
