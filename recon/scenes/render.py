"""Rays cast into a world (open3d): which surface each pixel sees, and the light that comes from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.core.errors import Cause, ReconError
from recon.core.executor import run_in_order
from recon.scenes.camera import Camera
from recon.scenes.lighting import sky_colour, skylight_of
from recon.scenes.noise import spectral_sheet
from recon.scenes.sensor import Sensor, develop
from recon.scenes.world import World

_BAND_ROWS = 64
"""Rows of a photo that are shaded at once: bounds the memory."""
_LIFT_M = 0.004
"""How far above a surface a ray to the sun begins, so as not to meet that surface."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A photo with its exact depth."""

    pixels: UInt8Array
    """(H, W, 3) uint8 RGB."""
    depth: FloatArray
    """(H, W) float32 along the optical axis at the pixels' centres; infinite where the sky is seen."""


class Stage:
    """A world made ready for photos: building it takes seconds, each photo then goes quickly."""

    def __init__(self, world: World, threads: int = 1) -> None:
        self._world = world
        self._threads = threads
        self._rays = _ray_caster(world)
        normals = world.mesh.normals()
        skylight = skylight_of(world, normals, self._is_hidden)
        # side by side, so that a vertex is fetched from memory once
        self._at_vertex = np.concatenate([normals, skylight, world.mesh.tint, world.mesh.uv], 1)
        self._clouds = spectral_sheet(512, 77, 1.7)
        self._lens: tuple[Camera, int, FloatArray] | None = None

    def render(self, camera: Camera, sensor: Sensor, samples: int = 2) -> Rendering:
        """Return the photo that a camera takes; `samples` x `samples` rays go through each pixel."""
        return Rendering(self.photo(camera, sensor, samples), self.depth(camera))

    def photo(self, camera: Camera, sensor: Sensor, samples: int = 2) -> UInt8Array:
        """Return the (H, W, 3) pixels alone."""
        return develop(self.radiance(camera, samples), camera, sensor)

    def radiance(self, camera: Camera, samples: int) -> FloatArray:
        """Return the (H, W, 3) light that falls on each pixel, without the sensor's faults."""
        plane = self._plane(camera, samples)
        tops = range(0, camera.height, _BAND_ROWS)

        def band(top: int) -> FloatArray:
            rows = plane[top * samples : (top + _BAND_ROWS) * samples]
            light = self._shade(camera, _turned(rows.reshape(-1, 2), camera), samples)
            shape = (len(rows) // samples, samples, camera.width, samples, 3)
            return np.asarray(light.reshape(shape).mean(axis=(1, 3)))

        return np.concatenate(list(run_in_order(band, tops, threads=self._threads)))

    def depth(self, camera: Camera) -> FloatArray:
        """Return the (H, W) float32 depth along the optical axis at the pixels' centres; infinite for sky."""
        directions = _turned(self._plane(camera, 1).reshape(-1, 2), camera)
        return self._cast(camera, directions)[0].reshape(camera.height, camera.width)

    def depth_at(self, camera: Camera, pixels: FloatArray) -> FloatArray:
        """Return the (N,) depth along the optical axis at (N, 2) pixels of any fraction; infinite for sky."""
        return self._cast(camera, camera.directions(pixels).astype(np.float32))[0]

    def _plane(self, camera: Camera, samples: int) -> FloatArray:
        """Return the (H * samples, W * samples, 2) rays of a lens on the plane at depth 1; kept for its next photo."""
        if self._lens is None or self._lens[1] != samples or not self._lens[0].has_lens_of(camera):
            x = (np.arange(camera.width * samples) + 0.5) / samples - 0.5
            y = (np.arange(camera.height * samples) + 0.5) / samples - 0.5
            plane = np.empty((len(y), len(x), 2), np.float32)
            for row, height in enumerate(y):
                plane[row] = camera.on_plane(np.stack([x, np.full(len(x), height)], 1))
            self._lens = (camera, samples, plane)
        return self._lens[2]

    def _cast(self, camera: Camera, directions: FloatArray) -> tuple[FloatArray, IntArray, FloatArray]:
        """Return how many times its direction each ray goes, the triangle it meets, and where on that."""
        hits = self._rays.cast_rays(_as_rays(camera.centre, directions))
        return hits["t_hit"].numpy(), hits["primitive_ids"].numpy(), hits["primitive_uvs"].numpy()

    def _is_hidden(self, points: FloatArray, direction: FloatArray) -> npt.NDArray[np.bool_]:
        """Say of (N, 3) points whether something stands between them and the light from (3,) `direction`."""
        return np.asarray(self._rays.test_occlusions(_as_rays(points, direction)).numpy())

    def _shade(self, camera: Camera, directions: FloatArray, samples: int) -> FloatArray:
        """Return the (N, 3) light from (N, 3) directions."""
        distance, triangle, place = self._cast(camera, directions)
        light = np.empty(directions.shape, np.float32)
        hit = np.flatnonzero(np.isfinite(distance))
        miss = np.flatnonzero(np.isinf(distance))
        light[miss] = sky_colour(directions[miss], self._clouds)
        light[hit] = self._surface(camera, directions[hit], distance[hit], triangle[hit], place[hit], samples)
        return light

    def _surface(
        self,
        camera: Camera,
        directions: FloatArray,
        distance: FloatArray,
        triangle: IntArray,
        place: FloatArray,
        samples: int,
    ) -> FloatArray:
        """Return the (N, 3) light from the surface points that rays meet."""
        mesh = self._world.mesh
        corner = mesh.triangles[triangle]
        values = self._at_vertex[corner[:, 0]] * (1.0 - place.sum(1, keepdims=True))
        values += self._at_vertex[corner[:, 1]] * place[:, 0:1]
        values += self._at_vertex[corner[:, 2]] * place[:, 1:2]
        normal, skylight, tint, uv = values[:, 0:3], values[:, 3:6], values[:, 6:9], values[:, 9:11]
        normal /= np.maximum(np.sqrt(np.einsum("ij,ij->i", normal, normal)), 1e-6)[:, None]
        footprint = distance / np.float32(camera.matrix[0, 0] * samples)
        albedo = self._world.palette.albedo(mesh.material[triangle], uv, footprint) * tint
        points = camera.centre.astype(np.float32) + directions * distance[:, None] + np.float32(_LIFT_M) * normal
        facing = normal @ self._world.light.sun
        lit = np.flatnonzero(facing > 0.0)
        sunlight = np.zeros(len(facing), np.float32)
        sunlight[lit] = facing[lit] * ~self._is_hidden(points[lit], self._world.light.sun)
        return np.asarray(albedo * (sunlight[:, None] * self._world.light.sun_colour + skylight))


def _turned(plane: FloatArray, camera: Camera) -> FloatArray:
    """Return (N, 2) rays on the plane at depth 1 as (N, 3) float32 world directions."""
    rotation = camera.rotation.astype(np.float32)
    return np.asarray(plane[:, 0:1] * rotation[0] + plane[:, 1:2] * rotation[1] + rotation[2])


def _as_rays(origins: FloatArray, directions: FloatArray) -> Any:
    import open3d

    rays = np.empty((len(origins if origins.ndim == 2 else directions), 6), np.float32)
    rays[:, :3], rays[:, 3:] = origins, directions
    return open3d.core.Tensor.from_numpy(rays)


def _ray_caster(world: World) -> Any:
    try:
        import open3d
    except ImportError as error:
        raise ReconError(
            f"making scenes needs open3d, which does not load: {error}",
            code=Cause.MISSING_LIBRARY,
            try_="pip install open3d; on Debian or Ubuntu also: apt install libgl1 libegl1 libidn2-0 libx11-6 libudev1 "
            "libusb-1.0-0",
        ) from error
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        open3d.core.Tensor.from_numpy(world.mesh.vertices),
        open3d.core.Tensor.from_numpy(world.mesh.triangles.astype(np.uint32)),
    )
    return scene
