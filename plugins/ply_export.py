"""The points of a model as a PLY file, for CloudCompare, MeshLab and Blender."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class PlyOptions:
    """Nothing to choose."""


class PlyExporter:
    """Writes points with colours."""

    def __init__(self, frame: recon.ModelFrame) -> None:
        self._frame = frame

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the file `destination`."""
        from recon.output.ply import write_ply

        write_ply(model, destination, self._frame)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer PLY."""
    return [
        recon.ComponentSpec(
            "ply",
            "PLY file of the points with their colours, binary",
            PlyOptions,
            lambda options, context: PlyExporter(context.frame or recon.ModelFrame()),
            licence="BSD-3-Clause",
        )
    ]
