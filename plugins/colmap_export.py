"""COLMAP's own model formats: binary (`colmap`) and text (`colmap-text`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class ColmapOptions:
    """Nothing to choose."""


class ColmapExporter:
    """Writes a folder that COLMAP, hloc, nerfstudio and gsplat read."""

    def __init__(self, *, text: bool) -> None:
        self._text = text

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write cameras, images, points3D, rigs and frames into the folder `destination`."""
        from recon.output.export import write_colmap

        write_colmap(model, destination, text=self._text)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer COLMAP's two formats."""
    return [
        recon.ComponentSpec(
            "colmap",
            "COLMAP model folder, binary",
            ColmapOptions,
            lambda options, context: ColmapExporter(text=False),
            licence="BSD-3-Clause",
        ),
        recon.ComponentSpec(
            "colmap-text",
            "COLMAP model folder, text",
            ColmapOptions,
            lambda options, context: ColmapExporter(text=True),
            licence="BSD-3-Clause",
        ),
    ]
