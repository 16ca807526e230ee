"""What one training is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.core.options import Settings
from recon.learning.losses import LossOptions
from recon.learning.settings import Machine, TrainSettings

LOSSES = tuple(field.name for field in fields(LossOptions))
SIZE_STEP = 32
"""Crops are a multiple of it: trunks halve an image five times."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How often pairs of each kind are taken, relative to each other; kinds that the data do not give are not."""

    homographies: float = 1.0
    """Two crops of one photo."""
    tracks: float = 1.0
    """Crops of two photos in which a model has the same points."""
    scenes: float = 1.0
    """Crops of two views of a rendered scene."""

    def __post_init__(self) -> None:
        shares = (self.homographies, self.tracks, self.scenes)
        if min(shares) < 0 or not max(shares) > 0:
            raise UsageError(
                f"no mix of data: {asdict(self)}", code=Cause.BAD_VALUE, try_="give shares of 0 or more, one above 0"
            )


MIXED = tuple(field.name for field in fields(Mix))


@dataclass(frozen=True, slots=True)
class DataRequest:
    """What to learn from."""

    folders: Sequence[Path] = ()
    """Of photos, workspaces, or COLMAP models with photos."""
    scenes: int = 0
    """Rendered ones."""
    scene_views: int = 6
    """Photos of each scene."""
    scene_size: int = 640
    """Longer side of these photos in pixels."""
    scene_cache: Path | None = None
    """Where rendered scenes are kept, for several trainings; None: with this one."""
    teacher: str = "sift"
    """The extractor whose keypoints, and descriptors if so wanted, are learnt."""
    with_descriptors: bool = False
    max_keypoints: int = 4096
    """Of the teacher in each photo."""
    size: int = 1024
    """Longest side of the photos in pixels."""
    crop: int = 256
    """Side of the squares that are trained on, in pixels."""
    mix: Mix = field(default_factory=Mix)
    held_out_every: int = 10
    """One photo of so many is kept for validation."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("scenes", 0, 1_000_000),
            ("max_keypoints", 16, 1_000_000),
            ("size", 64, 16384),
            ("crop", 64, 2048),
            ("held_out_every", 2, 1000),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(
                    f"{name.replace('_', ' ')} = {value} is out of range",
                    code=Cause.BAD_VALUE,
                    try_=f"give a number from {low} to {high}",
                )
        if self.crop % SIZE_STEP:
            raise UsageError(
                f"crop = {self.crop} is no multiple of {SIZE_STEP}",
                code=Cause.BAD_VALUE,
                try_=f"give {self.crop // SIZE_STEP * SIZE_STEP} or {-(-self.crop // SIZE_STEP) * SIZE_STEP}",
            )


@dataclass(frozen=True, slots=True)
class NetworkRequest:
    """Which network is trained, and from where."""

    trainable: str = "cnn"
    settings: Settings = field(default_factory=Settings)
    """Options of plugins, the trainable's and the teacher's."""
    start: Path | None = None
    """Weights to begin with; None: fresh ones."""
    frozen: Sequence[str] | None = ()
    """Beginnings of the names of the weights that stay as they are; None: of the first layers, as the plugin says."""


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """Everything that a training is asked for."""

    output: Path
    data: DataRequest
    network: NetworkRequest = field(default_factory=NetworkRequest)
    settings: TrainSettings = field(default_factory=TrainSettings)
    losses: dict[str, float] = field(default_factory=dict)
    """Options of `recon.learning.losses.LossOptions` that are not as usual."""
    warps: dict[str, Any] = field(default_factory=dict)
    """Options of `recon.learning.homographies.WarpOptions`, beside the size, that are not as usual."""
    machine: Machine = field(default_factory=Machine)
    is_fresh: bool = False
    cache: Path | None = None
    """Where what the teacher found is kept; None: in the output."""
