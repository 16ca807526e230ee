"""The points of a model that are worth a surface, and the rays along which the photos see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, UInt8Array
from recon.output.certain_points import certain_points

if TYPE_CHECKING:
    import pycolmap

MIN_TRACK_LENGTH = 3


@dataclass(frozen=True, slots=True, eq=False)
class SeenPoints:
    """N points and R rays, a ray for each photo that sees a point."""

    positions: FloatArray
    """(N, 3) float64, in the model's frame."""
    colors: UInt8Array
    """(N, 3) uint8 RGB."""
    ray_points: npt.NDArray[np.intp]
    """(R,) which point a ray ends at."""
    ray_origins: FloatArray
    """(R, 3) float64: the centre of the photo that sees it."""
    num_left_out: int
    """Points of the model that are too uncertain."""

    def write(self, path: Path) -> None:
        """Write everything as npz."""
        np.savez(
            path,
            positions=self.positions,
            colors=self.colors,
            ray_points=self.ray_points,
            ray_origins=self.ray_origins,
            num_left_out=self.num_left_out,
        )

    @classmethod
    def read(cls, path: Path) -> SeenPoints:
        """Return what `write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(
                arrays["positions"],
                arrays["colors"],
                arrays["ray_points"],
                arrays["ray_origins"],
                int(arrays["num_left_out"]),
            )


def seen_points(model: pycolmap.Reconstruction) -> SeenPoints:
    """Return the certain points of a model: small error, three photos or more, and an angle between their rays."""
    centers = {number: model.image(number).projection_center() for number in model.reg_image_ids()}
    positions: list[FloatArray] = []
    colors: list[UInt8Array] = []
    rays: list[int] = []
    origins: list[FloatArray] = []
    for point_id in certain_points(model, MIN_TRACK_LENGTH):
        point = model.point3D(point_id)
        seen_from = {element.image_id for element in point.track.elements} & centers.keys()
        origin = np.array([centers[number] for number in sorted(seen_from)])
        rays += [len(positions)] * len(origin)
        origins.append(origin)
        positions.append(point.xyz)
        colors.append(point.color)
    return SeenPoints(
        np.array(positions, np.float64).reshape(-1, 3),
        np.array(colors, np.uint8).reshape(-1, 3),
        np.array(rays, np.intp),
        np.concatenate(origins) if origins else np.zeros((0, 3)),
        model.num_points3D() - len(positions),
    )
