"""The `photometric` refiner: patches of each track are aligned, so that all its keypoints show one place.

After Furukawa and Ponce, "Accurate Camera Calibration from Multi-View Stereo and Bundle Adjustment" (IJCV 2009),
who align patches that the first model's geometry has brought into shape; Dusmanu et al., "Multi-View Optimization of
Local Feature Geometry" (ECCV 2020), and Lindenberger et al., "Pixel-Perfect Structure-from-Motion with Featuremetric
Refinement" (ICCV 2021), show what it gives to learnt keypoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import recon


@dataclass(frozen=True, slots=True)
class PhotometricOptions:
    """Options of the `photometric` refiner. Pixels are those of the photo at the size it is looked at."""

    max_size: int = 1600
    """Photos are halved until their longer side is no more than this: keypoints are about as far off as the pixels
    of the size that they were found at, and an alignment reaches a few pixels."""
    radius: int = 5
    """Patches have 2 * radius + 1 pixels across. 7 took 1.7 times as long; the error fell from 0.20 to 0.19 px
    and AUC@1 of the sample's `xfeat` model did not change (97.5)."""
    max_move_px: float = 3.0
    """A patch found further from its keypoint shows something else."""
    min_correlation: float = 0.8
    """Least normalised cross-correlation of a patch with its reference, -1 to 1, for its keypoint to move."""
    shape_stiffness: float = 0.02
    """How strongly a patch keeps the shape that the poses predict, against how well it fits (the squared length of
    a patch is 1). 1, as good as rigid, left 0.22 px where 0.02 left 0.20; below, nothing changed."""
    place_stiffness: float = 0.001
    """How strongly a keypoint keeps its place: along an edge, where nothing else holds it, it then stays. Without
    it such keypoints have to be left out: 27 % of those in fox, against 3 %."""

    def __post_init__(self) -> None:
        if self.max_size < 64:
            raise ValueError(f"max_size {self.max_size}: at least 64")
        if not 2 <= self.radius <= 20:
            raise ValueError(f"radius {self.radius}: 2 to 20")
        if not self.max_move_px > 0:
            raise ValueError(f"max_move_px {self.max_move_px}: above 0")
        if not -1 <= self.min_correlation < 1:
            raise ValueError(f"min_correlation {self.min_correlation}: -1 or more, and below 1")
        if not self.shape_stiffness > 0:
            raise ValueError(f"shape_stiffness {self.shape_stiffness}: above 0")
        if not self.place_stiffness > 0:
            raise ValueError(f"place_stiffness {self.place_stiffness}: above 0")


def _create(options: PhotometricOptions, context: recon.RunContext) -> recon.Refiner:
    from .refiner import PhotometricRefiner

    return PhotometricRefiner(options, context.threads)


@recon.hookimpl
def recon_refiners() -> list[recon.ComponentSpec[recon.Refiner]]:
    """Offer `photometric`."""
    return [
        recon.ComponentSpec(
            name="photometric",
            summary="Aligns small patches of each track by least squares, to a fraction of a pixel",
            options=PhotometricOptions,
            create=_create,
            licence="BSD-3-Clause",
        )
    ]
