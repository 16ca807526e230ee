"""What may be asked of a registration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from recon.registration.planar import Model

AUTO = "auto"


class Refinement(StrEnum):
    """How a transform is refined by the grey values."""

    SSD = "ssd"
    """Least squares of differences, blind to gain and bias."""
    ECC = "ecc"
    """OpenCV's enhanced correlation coefficient."""
    MI = "mi"
    """Mutual information: for different sensors."""
    NONE = "none"
    """The matches have the last word."""


@dataclass(frozen=True, slots=True)
class RegistrationOptions:
    """Options of a registration."""

    model: Model | None = None
    """None lets the matches choose, by GRIC."""
    refine: Refinement = Refinement.SSD
    max_error_px: float = 3.0
    """First-order distance, in both images together, up to which a match fits a model. At 2 px, planes seen by
    keypoints of 1 px of noise were taken for scenes with depth in 11 of 45 trials, at 3 px in none."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.max_error_px > 0:
            raise ValueError(f"max_error_px {self.max_error_px}: above 0")
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: at least 0")
