"""Whether an export says what the model says: read back by a reader of its own, and compared."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from recon.core.errors import Cause, UsageError
from recon.output.export_comparison import Comparison
from recon.output.export_proof import ExportCheck
from recon.output.read_back import ReadBack, UnreadableExport
from recon.output.read_colmap import read_colmap, read_colmap_text, read_gsplat
from recon.output.read_maps import read_geojson, read_kml
from recon.output.read_scenes import read_glb, read_nerfstudio, read_ply, read_pose_table
from recon.output.read_tracks import read_bundler, read_nvm

if TYPE_CHECKING:
    import pycolmap

_READERS: Mapping[str, Callable[[Path], ReadBack]] = {
    "colmap": read_colmap,
    "colmap-text": read_colmap_text,
    "ply": read_ply,
    "nerfstudio": read_nerfstudio,
    "gsplat": read_gsplat,
    "bundler": read_bundler,
    "nvm": read_nvm,
    "glb": read_glb,
    "csv": read_pose_table,
    "kml": read_kml,
    "geojson": read_geojson,
}


def require_reader(file_format: str) -> None:
    """Refuse a format that nothing here reads.

    Raises:
        UsageError: BAD_VALUE.
    """
    if file_format not in _READERS:
        raise UsageError(
            f"--check has no reader for {file_format!r}",
            code=Cause.BAD_VALUE,
            try_=f"export without it; it knows {', '.join(_READERS)}",
        )


def check_export(model: pycolmap.Reconstruction, file_format: str, path: Path) -> ExportCheck:
    """Return how an export compares with its model.

    Raises:
        UsageError: BAD_VALUE for a format that nothing here reads.
        ReconError: MISSING_LIBRARY where the reader is a library that is not installed.
        OSError: A file cannot be read.
    """
    require_reader(file_format)
    try:
        back = _READERS[file_format](path)
    except (UnreadableExport, ValueError, LookupError, StopIteration, TypeError, struct.error) as error:
        return _unread(f"cannot be read back: {error or type(error).__name__}")
    return Comparison(model, back).result()


def _unread(problem: str) -> ExportCheck:
    return ExportCheck(
        reader="nothing",
        photos=None,
        points=None,
        observations=None,
        photo_files=None,
        rotation_deg=None,
        center_offset=None,
        point_offset=None,
        error_px=None,
        model_error_px=None,
        approximates="",
        problems=(problem,),
    )
