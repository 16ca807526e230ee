"""glTF 2.0 in one file, for Blender, three.js and every 3D viewer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class GlbOptions:
    """Nothing to choose."""


class GlbExporter:
    """Writes points, cameras and their outlines."""

    def __init__(self, frame: recon.ModelFrame) -> None:
        self._frame = frame

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the file `destination`."""
        from recon.output.glb import write_glb

        write_glb(model, destination, self._frame)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer glTF."""
    return [
        recon.ComponentSpec(
            "glb",
            "glTF file of points and cameras, binary",
            GlbOptions,
            lambda options, context: GlbExporter(context.frame or recon.ModelFrame()),
            licence="BSD-3-Clause",
        )
    ]
