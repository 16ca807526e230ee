"""The numbers that users ask of a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pycolmap


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A model in five numbers."""

    registered: int
    """Images with a pose."""
    points3D: int  # noqa: N815 - COLMAP's name
    observations: int
    mean_track_length: float
    """Images that see a point, on average; 0 without points."""
    mean_reprojection_error_px: float
    """Mean over the points of their mean error, as COLMAP counts it; 0 without points."""

    def as_dict(self) -> dict[str, int | float]:
        """Return the numbers under the names of a run's JSON."""
        return asdict(self)


def summarise(model: pycolmap.Reconstruction) -> ModelSummary:
    """Return the numbers of a model; errors that its file left out are computed."""
    if any(point.error < 0 for point in model.points3D.values()):
        model = model.__copy__()
        model.update_point_3d_errors()
    return ModelSummary(
        registered=model.num_reg_images(),
        points3D=model.num_points3D(),
        observations=model.compute_num_observations(),
        mean_track_length=model.compute_mean_track_length(),
        mean_reprojection_error_px=model.compute_mean_reprojection_error(),
    )
