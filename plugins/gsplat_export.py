"""Undistorted photos with a PINHOLE model, for gsplat, 3D Gaussian splatting and dense stereo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import recon

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class GsplatOptions:
    """What is made of the photos."""

    photos: Path | None = None
    """Folder of the model's photos; the command line gives it. None: everything but the photos."""
    jpeg_quality: int = 95
    """Of undistorted JPEG photos, 1 to 100: at 95 a photo keeps about its size, and training on it sees no blocks."""

    def __post_init__(self) -> None:
        if not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f"jpeg_quality is 1 to 100, got {self.jpeg_quality}")


class GsplatExporter:
    """Writes a folder with images/ and sparse/0."""

    def __init__(self, options: GsplatOptions, threads: int, frame: recon.ModelFrame | None) -> None:
        self._frame = frame
        self._options = options
        self._threads = threads

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write the undistorted set into the folder `destination`."""
        from recon.engine.model_frames import write_frame
        from recon.output.undistortion import write_undistorted

        write_undistorted(
            model,
            destination,
            self._options.photos,
            threads=self._threads,
            jpeg_quality=self._options.jpeg_quality,
        )
        if self._frame is not None:
            write_frame(destination / "sparse" / "0", self._frame)


@recon.hookimpl
def recon_exporters() -> list[recon.ComponentSpec[recon.Exporter]]:
    """Offer gsplat."""
    return [
        recon.ComponentSpec(
            "gsplat",
            "undistorted photos and PINHOLE model: images/, sparse/0",
            GsplatOptions,
            lambda options, context: GsplatExporter(options, context.threads, context.frame),
            licence="BSD-3-Clause",
        )
    ]
