"""nerfstudio's dataset, for `ns-train --data`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class NerfstudioOptions:
    """What the dataset takes with it."""

    photos: Path | None = None
    """Folder of the model's photos; the command line gives it. None: everything but the photos."""


class NerfstudioExporter:
    """Writes a folder with transforms.json, sparse_pc.ply and a copy of the photos."""

    def __init__(self, options: NerfstudioOptions, frame: recon.ModelFrame) -> None:
        self._options = options
        self._frame = frame

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the dataset into the folder `destination`."""
        from recon.output.nerfstudio import write_nerfstudio

        write_nerfstudio(model, destination, self._options.photos, self._frame)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer nerfstudio."""
    return [
        recon.ComponentSpec(
            "nerfstudio",
            "nerfstudio dataset: transforms.json, sparse_pc.ply, images/",
            NerfstudioOptions,
            lambda options, context: NerfstudioExporter(options, context.frame or recon.ModelFrame()),
            licence="BSD-3-Clause",
        )
    ]
