"""Bundler's bundle.out with its list of photos, for PMVS, MeshLab and older tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class BundlerOptions:
    """Nothing to choose."""


class BundlerExporter:
    """Writes a folder with bundle.out and list.txt."""

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the two files into the folder `destination`."""
        from recon.output.bundler import write_bundler

        write_bundler(model, destination)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer Bundler."""
    return [
        recon.ComponentSpec(
            "bundler",
            "Bundler folder: bundle.out, list.txt; radial lenses only",
            BundlerOptions,
            lambda options, context: BundlerExporter(),
            licence="BSD-3-Clause",
        )
    ]
