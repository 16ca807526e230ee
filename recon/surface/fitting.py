"""Fits a surface to seen points with Open3D, and carves away what photos look through.

It runs as a process of its own (`python -m recon.surface.fitting`), as all that imports Open3D does: on some machines
Open3D ends the process that it runs in.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray
from recon.surface.rays import SeenPoints

CANNOT_IMPORT = 90
"""Exit status when Open3D cannot be imported; the last line of standard error says why."""
_NEIGHBOURS = 16
_OUTLIER_DEVIATIONS = 2.0
"""A point whose neighbours are this many standard deviations farther away than others' is an outlier."""
_REACH = 2.5
"""A surface ends where the nearest point is farther away than this many times the distances between points there."""
_CARVING_ROUNDS = 3
"""A ray tells of the first triangle that it meets only."""
_MARGIN = 2.0
"""Distances between points, before a point, within which a triangle is still its own surface."""
_SMALLEST_PART = 0.01
"""Pieces of fewer of all triangles are crumbs."""
_BALL_RADII = (1.0, 2.0, 4.0)
"""Times the median distance between points."""

IndexArray = npt.NDArray[np.intp]


def fit_surface(points: SeenPoints, method: str, threads: int) -> dict[str, Any]:
    """Return the arrays of a mesh: `vertices`, `triangles`, `colors`, and numbers that say how good it is."""
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.positions))
    cloud.colors = o3d.utility.Vector3dVector(points.colors / 255)
    cloud, rows = cloud.remove_statistical_outlier(_NEIGHBOURS, _OUTLIER_DEVIATIONS)
    kept: IndexArray = np.asarray(rows, np.intp)
    rays_of_kept = _rays_of(points, kept)
    positions = np.asarray(cloud.points)
    spacing = _spacing(cloud)
    cloud.estimate_normals(o3d.geometry.KDTreeSearchParamKNN(_NEIGHBOURS))
    normals = np.asarray(cloud.normals)
    towards = _towards_photos(positions, *rays_of_kept)
    cloud.normals = o3d.utility.Vector3dVector(normals * np.where((normals * towards).sum(1, keepdims=True) < 0, -1, 1))
    if method == "poisson":
        depth = int(np.clip(np.ceil(np.log2(np.ptp(positions, axis=0).max() / np.median(spacing))), 6, 9))
        mesh, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=depth, n_threads=threads)
    else:
        radii = o3d.utility.DoubleVector([factor * float(np.median(spacing)) for factor in _BALL_RADII])
        mesh = o3d.geometry.TriangleMesh.create_from_point_cloud_ball_pivoting(cloud, radii)
    _trim(mesh, cloud, spacing)
    num_carved = _carve(mesh, positions, spacing, *rays_of_kept)
    _remove_crumbs(mesh)
    distances = _distances(mesh, positions)
    return {
        "vertices": np.asarray(mesh.vertices),
        "triangles": np.asarray(mesh.triangles, np.int32),
        "colors": np.rint(np.clip(np.asarray(mesh.vertex_colors), 0, 1) * 255).astype(np.uint8).reshape(-1, 3),
        "num_points": len(kept),
        "num_outliers": len(points.positions) - len(kept),
        "num_carved": num_carved,
        "covered": float((distances <= spacing).mean()) if len(distances) else 0.0,
        "spacing": float(np.median(spacing)),
    }


def _rays_of(points: SeenPoints, kept: IndexArray) -> tuple[IndexArray, FloatArray]:
    """Return the rays to the points that are kept: (R,) their rows, (R, 3) where the rays come from."""
    row = np.full(len(points.positions), -1, np.intp)
    row[kept] = np.arange(len(kept))
    rows = row[points.ray_points]
    return rows[rows >= 0], points.ray_origins[rows >= 0]


def _spacing(cloud: Any) -> FloatArray:
    """Return (N,) the mean distance of each point to its nearest six."""
    import open3d as o3d

    tree = o3d.geometry.KDTreeFlann(cloud)
    squared = [tree.search_knn_vector_3d(point, 7)[2] for point in cloud.points]
    return np.array([np.sqrt(np.asarray(each)[1:]).mean() if len(each) > 1 else 0.0 for each in squared])


def _towards_photos(positions: FloatArray, rows: IndexArray, origins: FloatArray) -> FloatArray:
    """Return (N, 3) the sum of the directions from each point to the photos that see it."""
    directions = origins - positions[rows]
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    sums = np.zeros_like(positions)
    np.add.at(sums, rows, directions)
    return sums


def _trim(mesh: Any, cloud: Any, spacing: FloatArray) -> None:
    """Cut off what lies farther from all points than these are from each other."""
    import open3d as o3d

    tree = o3d.geometry.KDTreeFlann(cloud)
    found = [tree.search_knn_vector_3d(vertex, 1) for vertex in mesh.vertices]
    distances = np.array([np.sqrt(squared[0]) for _, _, squared in found])
    nearest = np.array([rows[0] for _, rows, _ in found], np.intp)
    if len(nearest):
        mesh.remove_vertices_by_mask(distances > _REACH * spacing[nearest])


def _carve(mesh: Any, positions: FloatArray, spacing: FloatArray, rows: IndexArray, origins: FloatArray) -> int:
    """Remove triangles through which photos see points behind them, and return how many these are."""
    import open3d as o3d

    num_removed = 0
    lengths = np.linalg.norm(positions[rows] - origins, axis=1)
    before = 1.0 - _MARGIN * spacing[rows] / np.maximum(lengths, 1e-12)
    rays = np.hstack([origins, positions[rows] - origins])
    for _ in range(_CARVING_ROUNDS):
        if not len(mesh.triangles):
            break
        scene = o3d.t.geometry.RaycastingScene()
        scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(mesh))
        answer = scene.cast_rays(_tensor(rays))
        reached, hit = answer["t_hit"].numpy(), answer["primitive_ids"].numpy().astype(np.int64)
        is_hit = np.isfinite(reached)
        crossed = np.bincount(hit[is_hit & (reached < before)], minlength=len(mesh.triangles))
        met = np.bincount(hit[is_hit & (reached >= before) & (reached < 2 - before)], minlength=len(mesh.triangles))
        looked_through = _around(mesh, crossed) > _around(mesh, met)
        if not looked_through.any():
            break
        mesh.remove_triangles_by_mask(looked_through)
        mesh.remove_unreferenced_vertices()
        num_removed += int(looked_through.sum())
    return num_removed


def _around(mesh: Any, counts: IndexArray) -> IndexArray:
    """Return for each triangle the sum over those that share a corner with it: rays are fewer than triangles."""
    triangles = np.asarray(mesh.triangles)
    at_vertices = np.bincount(triangles.ravel(), np.repeat(counts, 3), len(mesh.vertices))
    around: IndexArray = at_vertices[triangles].sum(axis=1)
    return around


def _remove_crumbs(mesh: Any) -> None:
    if not len(mesh.triangles):
        return
    labels, counts, _ = mesh.cluster_connected_triangles()
    sizes = np.asarray(counts)[np.asarray(labels)]
    mesh.remove_triangles_by_mask(sizes < _SMALLEST_PART * len(mesh.triangles))
    mesh.remove_unreferenced_vertices()


def _distances(mesh: Any, positions: FloatArray) -> FloatArray:
    """Return (N,) the distance of each point to the surface; none where there is none."""
    import open3d as o3d

    if not len(mesh.triangles):
        return np.zeros(0)
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(mesh))
    distances: FloatArray = scene.compute_distance(_tensor(positions)).numpy()
    return distances


def _tensor(array: FloatArray) -> Any:
    import open3d as o3d

    values: Any = array.astype(np.float32)
    return o3d.core.Tensor.from_numpy(values)


def main(arguments: list[str]) -> int:
    """Carry out `POINTS.npz MESH.npz METHOD THREADS`."""
    try:
        import open3d as o3d
    except (ImportError, OSError) as error:
        sys.stderr.write(f"\n{error}\n")
        return CANNOT_IMPORT
    o3d.utility.set_verbosity_level(o3d.utility.VerbosityLevel.Error)
    source, target, method, threads = arguments
    np.savez(target, **fit_surface(SeenPoints.read(Path(source)), method, int(threads)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
