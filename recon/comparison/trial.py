"""What one combination made of the photos, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Trial:
    """The measurements of one combination."""

    label: str
    workspace: str
    """Folder of the run, for `recon view` and its report."""
    registered: int = 0
    images: int = 0
    models: int = 0
    points3D: int = 0  # noqa: N815 - COLMAP's name
    observations: int = 0
    mean_track_length: float = 0.0
    mean_reprojection_error_px: float = 0.0
    held_out_consistency: float | None = None
    """Share of the verified matches of pairs kept out of the mapping that agree with its poses to 2 px; None where
    too few pairs could be kept out."""
    held_out_pairs: int = 0
    stability: float | None = None
    """Share of the photos' pairs whose relative rotation a second run with another seed repeats within 2 degrees; a
    photo registered by one of them alone counts as not repeated. None without a model."""
    seconds: float = 0.0
    """Of the first run, from photos to model."""
    memory_mb: float | None = None
    """Peak of the first run's process; None where the system does not say."""
    auc_deg: Mapping[str, float] = field(default_factory=dict)
    """Against the truth, where there is one."""
    error: str | None = None
    """Why there is no model."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `recon compare`."""
        return asdict(self)
