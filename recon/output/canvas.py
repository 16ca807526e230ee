"""A depth-buffered canvas for discs and lines: all that a picture of a point cloud needs."""

from __future__ import annotations

import numpy as np

from recon.core.arrays import FloatArray, IntArray, UInt8Array
from recon.output.viewpoint import Viewpoint

_MAX_RADIUS_PX = 40.0
_NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))


class Canvas:
    """Collects discs and lines seen from one viewpoint; what is nearer hides what is farther, in any order."""

    def __init__(self, size: tuple[int, int], viewpoint: Viewpoint) -> None:
        self.width, self.height = size
        self._viewpoint = viewpoint
        self._depths = np.full(self.width * self.height, np.inf, np.float32)
        self._colors = np.zeros((self.width * self.height, 3), np.uint8)

    @property
    def pixels_per_unit(self) -> float:
        """Pixels that one unit of the model takes at distance 1."""
        return self.width / (2 * self._viewpoint.tangents[0])

    def add_discs(
        self, positions: FloatArray, colors: UInt8Array, radius: float, min_radius_px: float, nearer: float = 0.0
    ) -> None:
        """Draw discs that face the eye.

        Args:
            positions: (N, 3) in the model's frame.
            colors: (N, 3) uint8 RGB.
            radius: In the model's units.
            min_radius_px: Radius below which distance makes no disc smaller.
            nearer: Moves the discs this part of their depth towards the eye, for the depth test only.
        """
        in_picture, depths = self._viewpoint.project(positions)
        in_front = depths > 1e-3 * self._viewpoint.distance
        in_picture, depths, colors = in_picture[in_front], depths[in_front], colors[in_front]
        radii_px = np.clip(radius * self.pixels_per_unit / depths, min_radius_px, _MAX_RADIUS_PX)
        near_picture = ((in_picture > -0.1) & (in_picture < 1.1)).all(axis=1)
        # Far to near: of equal pixels in one assignment the last one stays.
        order = np.nonzero(near_picture)[0]
        order = order[np.argsort(-depths[order], kind="stable")]
        places = in_picture[order] * (self.width, self.height)
        depths, colors, radii_px = depths[order] * (1 - nearer), colors[order], radii_px[order]
        half_steps = np.maximum(np.round(2 * radii_px), 1).astype(int)
        for half_step in np.unique(half_steps):
            chosen = half_steps == half_step
            self._add_equal_discs(places[chosen], depths[chosen].astype(np.float32), colors[chosen], half_step / 2)

    def add_lines(self, ends: FloatArray, color: tuple[int, int, int], radius_px: float) -> None:
        """Draw straight lines between (L, 2, 3) positions, of one width at every distance."""
        in_picture, depths = self._viewpoint.project(ends.reshape(-1, 3))
        in_front = (depths.reshape(-1, 2) > 1e-3 * self._viewpoint.distance).all(axis=1)
        lengths = np.linalg.norm(np.diff(in_picture.reshape(-1, 2, 2) * (self.width, self.height), axis=1), axis=(1, 2))
        for (start, end), length in zip(ends[in_front], lengths[in_front], strict=True):
            steps = np.linspace(0.0, 1.0, int(min(1.5 * length, 20_000)) + 2)[:, None]
            positions = start + steps * (end - start)
            self.add_discs(positions, np.full((len(positions), 3), color, np.uint8), 0.0, radius_px, nearer=0.003)

    def _add_equal_discs(self, places: FloatArray, depths: FloatArray, colors: UInt8Array, radius_px: float) -> None:
        corners = np.floor(places).astype(np.int64)
        for dx, dy in _disc(radius_px):
            x, y = corners[:, 0] + dx, corners[:, 1] + dy
            inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
            pixels = (y * self.width + x)[inside]
            kept = depths[inside] < self._depths[pixels]
            self._depths[pixels[kept]] = depths[inside][kept]
            self._colors[pixels[kept]] = colors[inside][kept]

    def picture(self, background: UInt8Array, shade: float, reach_px: int) -> UInt8Array:
        """Return the (H, W, 3) picture over a background, with steps in depth darkened (eye-dome lighting).

        Args:
            shade: How dark a step gets; 0 leaves colours as they are.
            reach_px: How far from a step the darkening reaches.
        """
        depths = self._depths.reshape(self.height, self.width)
        drawn = np.isfinite(depths)
        logs = np.log2(np.where(drawn, depths, np.float32(1e30)))
        hidden = np.zeros_like(logs)
        for dx, dy in _NEIGHBOURS:
            neighbour = _shifted(logs, dx * reach_px, dy * reach_px)
            hidden += np.clip(logs - neighbour, 0.0, 0.25)
        light = np.exp(-shade * hidden / len(_NEIGHBOURS))
        colors = self._colors.reshape(self.height, self.width, 3) * light[..., None]
        pixels: UInt8Array = np.where(drawn[..., None], colors, background).astype(np.uint8)
        return pixels


def _disc(radius: float) -> IntArray:
    reach = int(np.ceil(radius))
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    inside: IntArray = offsets[(offsets**2).sum(axis=1) <= radius**2]
    return inside


def _shifted(values: FloatArray, dx: int, dy: int) -> FloatArray:
    """Return the image moved by whole pixels, its border repeated."""
    height, width = values.shape
    rows = np.clip(np.arange(height) + dy, 0, height - 1)
    columns = np.clip(np.arange(width) + dx, 0, width - 1)
    return values[rows][:, columns]
