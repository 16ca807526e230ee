"""The poses as a table, for spreadsheets and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """Nothing to choose."""


class CsvExporter:
    """Writes one row a photo."""

    def __init__(self, frame: recon.ModelFrame) -> None:
        self._frame = frame

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the file `destination`."""
        from recon.output.pose_table import write_pose_table

        write_pose_table(model, destination, self._frame)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer CSV."""
    return [
        recon.ComponentSpec(
            "csv",
            "CSV table of the poses and cameras",
            CsvOptions,
            lambda options, context: CsvExporter(context.frame or recon.ModelFrame()),
            licence="BSD-3-Clause",
        )
    ]
