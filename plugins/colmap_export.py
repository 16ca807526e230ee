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

    def __init__(self, frame: recon.ModelFrame | None, *, text: bool) -> None:
        self._frame = frame
        self._text = text

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write cameras, images, points3D, rigs and frames into the folder `destination`, and frame.json: the units."""
        from recon.engine.model_frames import write_frame
        from recon.output.export import write_colmap

        write_colmap(model, destination, text=self._text)
        if self._frame is not None:
            write_frame(destination, self._frame)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer COLMAP's two formats."""
    return [
        recon.ComponentSpec(
            "colmap",
            "COLMAP model folder, binary",
            ColmapOptions,
            lambda options, context: ColmapExporter(context.frame, text=False),
            licence="BSD-3-Clause",
        ),
        recon.ComponentSpec(
            "colmap-text",
            "COLMAP model folder, text",
            ColmapOptions,
            lambda options, context: ColmapExporter(context.frame, text=True),
            licence="BSD-3-Clause",
        ),
    ]
