"""recon: photos in, 3D out, every part a plugin.

Every name that a user or a plugin may import stands here; nothing heavy is imported until it is used.
"""

from __future__ import annotations

import zlib  # noqa: F401  # before pycolmap, whose own copy of zlib the system's would else mix with, and crash
from importlib import import_module
from typing import TYPE_CHECKING, Any

from recon.core.components import (
    ComponentSpec,
    Exporter,
    FeatureExtractor,
    FeatureMatcher,
    ImageMatcher,
    Mapper,
    MappingOptions,
    PairSelector,
    Refiner,
    RunContext,
    Trainable,
    WeightsFile,
)
from recon.core.data import Exif, Features, Image, ImageFile, ImagePair, LeftOut, Matches, PairPositions
from recon.core.errors import Cause, Interrupted, NoModel, ReconError, UsageError
from recon.core.events import Event, Observer
from recon.core.frame import ModelFrame, Origin, Units
from recon.core.hookspecs import hookimpl

if TYPE_CHECKING:
    from recon.adding import AddedPhotos, add
    from recon.locating import Location, locate
    from recon.pipeline import ReconstructionResult, reconstruct

__all__ = [
    "AddedPhotos",
    "Cause",
    "ComponentSpec",
    "Event",
    "Exif",
    "Exporter",
    "FeatureExtractor",
    "FeatureMatcher",
    "Features",
    "Image",
    "ImageFile",
    "ImageMatcher",
    "ImagePair",
    "Interrupted",
    "LeftOut",
    "Location",
    "Mapper",
    "MappingOptions",
    "Matches",
    "ModelFrame",
    "NoModel",
    "Observer",
    "Origin",
    "PairPositions",
    "PairSelector",
    "ReconError",
    "ReconstructionResult",
    "Refiner",
    "RunContext",
    "Trainable",
    "Units",
    "UsageError",
    "WeightsFile",
    "add",
    "hookimpl",
    "locate",
    "reconstruct",
]

__version__ = "0.1.0"

_LAZY = {
    "AddedPhotos": "recon.adding",
    "Location": "recon.locating",
    "ReconstructionResult": "recon.pipeline",
    "add": "recon.adding",
    "locate": "recon.locating",
    "reconstruct": "recon.pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'recon' has no attribute {name!r}")
