"""Writes a model's points as a PLY file: binary little endian, float positions, colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.frame import ARBITRARY, ModelFrame
from recon.output.files import replacing
from recon.output.geometry import point_cloud

if TYPE_CHECKING:
    import pycolmap

_VERTEX = np.dtype([("position", "<f4", 3), ("color", "u1", 3)])


def write_ply(model: pycolmap.Reconstruction, path: Path, frame: ModelFrame = ARBITRARY) -> None:
    """Write the points with their colours; a file that is there is replaced once the new one is complete.

    Points without a finite position are left out. The frame is the model's; a comment in the file says what its units
    are.

    Raises:
        OSError: The file cannot be written.
    """
    cloud = point_cloud(model)
    write_points(cloud.positions, cloud.colors, path, frame)


def write_points(positions: FloatArray, colors: UInt8Array, path: Path, frame: ModelFrame = ARBITRARY) -> None:
    """Write (N, 3) positions with their (N, 3) RGB colours, in any frame; a file that is there is replaced as above.

    Raises:
        OSError: The file cannot be written.
    """
    vertices = np.zeros(len(positions), _VERTEX)
    vertices["position"] = positions
    vertices["color"] = colors
    header = "\n".join(
        (
            "ply",
            "format binary_little_endian 1.0",
            *(f"comment {line}" for line in ("made by recon", *frame.plain_lines())),
            f"element vertex {len(vertices)}",
            *(f"property float {axis}" for axis in "xyz"),
            *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
            "end_header\n",
        )
    )
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(header.encode("ascii"))
        stream.write(vertices.tobytes())
