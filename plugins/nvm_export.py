"""VisualSFM's NVM_V3, for VisualSFM, OpenMVS and MeshRoom's elders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class NvmOptions:
    """Nothing to choose."""


class NvmExporter:
    """Writes one file."""

    def __init__(self, context: recon.RunContext) -> None:
        self._context = context

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the file `destination`."""
        from recon.output.nvm import write_nvm

        write_nvm(model, destination, self._context.note)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer NVM."""
    return [
        recon.ComponentSpec(
            "nvm",
            "VisualSFM's NVM_V3 file; radial lenses only",
            NvmOptions,
            lambda options, context: NvmExporter(context),
            licence="BSD-3-Clause",
        )
    ]
