"""A mesh of a model's sparse points, and its PLY file: a quick look, with holes where nothing was matched."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.core.errors import Cause, ReconError
from recon.core.frame import ARBITRARY, ModelFrame
from recon.core.libraries import INSTALL_LINE, missing_library
from recon.output.files import replacing
from recon.surface.fitting import CANNOT_IMPORT
from recon.surface.rays import SeenPoints, seen_points

if TYPE_CHECKING:
    import pycolmap

LEAST_POINTS = 100
_VERTEX = np.dtype([("position", "<f4", 3), ("color", "u1", 3)])
_TRIANGLE = np.dtype([("count", "u1"), ("vertices", "<i4", 3)])


class Method(StrEnum):
    """How a surface is put through points."""

    POISSON = "poisson"
    """Smooth, also over small gaps (Kazhdan and Hoppe, 2013)."""
    BALL = "ball"
    """Through the points themselves: a ball rolls over them (Bernardini et al., 1999)."""


@dataclass(frozen=True, slots=True)
class SurfaceOptions:
    """How a mesh is made."""

    method: Method = Method.POISSON
    threads: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """V vertices and T triangles, in the model's frame."""

    vertices: FloatArray
    """(V, 3) float64."""
    triangles: IntArray
    """(T, 3) int32 rows of vertices, counterclockwise as the photos see them."""
    colors: UInt8Array
    """(V, 3) uint8 RGB."""
    num_points: int
    """Points that the surface is put through."""
    num_uncertain: int
    """Points of the model that are seen by too few photos, at too small angles, or with too large errors."""
    num_outliers: int
    """Points far from all others."""
    num_carved: int
    """Triangles removed because photos look through them."""
    covered: float
    """Part of the points that lie on the surface: nearer than to each other."""
    spacing: float
    """Median distance between neighbouring points, in the model's units."""


def make_mesh(model: pycolmap.Reconstruction, options: SurfaceOptions) -> Mesh:
    """Return a mesh of the certain points of a model.

    Raises:
        ReconError: NO_SURFACE, the points are too few or too scattered; MISSING_LIBRARY, Open3D cannot be loaded.
    """
    points = seen_points(model)
    if len(points.positions) < LEAST_POINTS:
        raise _no_surface(
            f"{len(points.positions)} of {model.num_points3D()} points are certain enough for a surface, "
            f"and it takes at least {LEAST_POINTS}"
        )
    mesh = _fit(points, options)
    if not len(mesh.triangles):
        raise _no_surface(f"{mesh.num_points} points lie too far from each other for a surface")
    return mesh


def _fit(points: SeenPoints, options: SurfaceOptions) -> Mesh:
    with tempfile.TemporaryDirectory(prefix="recon-mesh-") as folder:
        source, target = Path(folder) / "points.npz", Path(folder) / "mesh.npz"
        points.write(source)
        words = [str(source), str(target), str(options.method), str(options.threads)]
        command = [sys.executable, "-m", "recon.surface.fitting", *words]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
            is_missing = done.returncode == CANNOT_IMPORT
            raise (missing_library("Open3D", reason) if is_missing else None) or ReconError(
                f"Open3D cannot make a mesh here (exit status {done.returncode}): {reason}",
                code=Cause.MISSING_LIBRARY,
                try_=f"on Debian or Ubuntu: {INSTALL_LINE}",
            )
        with np.load(target, allow_pickle=False) as arrays:
            return Mesh(
                arrays["vertices"],
                arrays["triangles"],
                arrays["colors"],
                int(arrays["num_points"]),
                points.num_left_out,
                int(arrays["num_outliers"]),
                int(arrays["num_carved"]),
                float(arrays["covered"]),
                float(arrays["spacing"]),
            )


def write_mesh(mesh: Mesh, path: Path, frame: ModelFrame = ARBITRARY) -> None:
    """Write a mesh as PLY: binary little endian, coloured vertices; whole, or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    vertices = np.zeros(len(mesh.vertices), _VERTEX)
    vertices["position"], vertices["color"] = mesh.vertices, mesh.colors
    triangles = np.zeros(len(mesh.triangles), _TRIANGLE)
    triangles["count"], triangles["vertices"] = 3, mesh.triangles
    comments = ("made by recon from sparse points: a quick look, no measurement", *frame.plain_lines())
    header = "\n".join(
        (
            "ply",
            "format binary_little_endian 1.0",
            *(f"comment {line}" for line in comments),
            f"element vertex {len(vertices)}",
            *(f"property float {axis}" for axis in "xyz"),
            *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
            f"element face {len(triangles)}",
            "property list uchar int vertex_indices",
            "end_header\n",
        )
    )
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(header.encode("ascii"))
        stream.write(vertices.tobytes())
        stream.write(triangles.tobytes())


def _no_surface(message: str) -> ReconError:
    return ReconError(
        message,
        code=Cause.NO_SURFACE,
        try_="make a model of more points: recon run --preset best, or --max-keypoints 16000; or use a dense tool "
        "(OpenMVS, or COLMAP with an NVIDIA card)",
    )
