"""What became of photos that were to join a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.core.data import LeftOut


@dataclass(frozen=True, slots=True, eq=False)
class AddedPhotos:
    """What became of the new photos, and of the model."""

    workspace: Path
    registered: tuple[str, ...]
    """Photos that are in the model now and were not before: new ones, and some left out before that fit now."""
    known: tuple[str, ...]
    """Photos that were in the model already."""
    left_out: tuple[LeftOut, ...]
    num_registered: int
    """Photos of the model."""
    points3D: int  # noqa: N815 - COLMAP's name
    new_points: int
    mean_reprojection_error_px: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return everything as values for JSON."""
        return {
            "model": str(self.workspace / "sparse" / "0"),
            "added": list(self.registered),
            "known": list(self.known),
            "registered": self.num_registered,
            "points3D": self.points3D,
            "new_points3D": self.new_points,
            "mean_reprojection_error_px": self.mean_reprojection_error_px,
            "left_out": [each.as_dict() for each in self.left_out],
            "seconds": round(self.seconds, 3),
        }
