"""Where the photos were taken, as GeoJSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class GeoJsonOptions:
    """Nothing to choose."""


class GeoJsonExporter:
    """Writes a place on earth for each photo."""

    def __init__(self, frame: recon.ModelFrame | None) -> None:
        self._frame = frame

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the file `destination`.

        Raises:
            UsageError: BAD_VALUE where nothing says where on earth the model lies.
        """
        from recon.output.geojson import write_geojson

        write_geojson(model, self._frame, destination)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer GeoJSON."""
    return [
        recon.ComponentSpec(
            "geojson",
            "GeoJSON: where the photos were taken, for maps (models with GPS)",
            GeoJsonOptions,
            lambda options, context: GeoJsonExporter(context.frame),
            licence="BSD-3-Clause",
        )
    ]
