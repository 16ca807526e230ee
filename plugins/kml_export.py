"""Where the photos were taken, as KML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class KmlOptions:
    """Nothing to choose."""


class KmlExporter:
    """Writes a place on earth for each photo."""

    def __init__(self, frame: recon.ModelFrame | None) -> None:
        self._frame = frame

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the file `destination`.

        Raises:
            UsageError: BAD_VALUE where nothing says where on earth the model lies.
        """
        from recon.output.kml import write_kml

        write_kml(model, self._frame, destination)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer KML."""
    return [
        recon.ComponentSpec(
            "kml",
            "KML: where the photos were taken, for Google Earth (models with GPS)",
            KmlOptions,
            lambda options, context: KmlExporter(context.frame),
            licence="BSD-3-Clause",
        )
    ]
