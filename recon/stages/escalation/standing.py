"""Where an escalation stands: the models, the copy of the database that they rest on, and the colours of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.errors import NoModel
from recon.run import Run

if TYPE_CHECKING:
    import pycolmap

Colours = Callable[[str], UInt8Array]
"""Returns the (N, 3) RGB of a photo's keypoints, by name."""


@dataclass(frozen=True, slots=True)
class Escalated:
    """What an escalation left."""

    models: Sequence[pycolmap.Reconstruction]
    """Best first."""
    colours: Colours
    """Of the rows of the models' photos."""
    explanation: str = ""
    """Why stronger means gave no model either."""

    def explain(self, error: NoModel) -> NoModel:
        """Return the error with what was tried in vain."""
        if not self.explanation:
            return error
        return NoModel(f"{error.message}; {self.explanation}", code=error.code, file=error.file, try_=error.try_)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the next rung begins with."""

    models: Sequence[pycolmap.Reconstruction]
    database: Path
    further: Mapping[str, Sequence[UInt8Array]] = field(default_factory=dict)
    """Colours of the keypoints that were appended, by photo."""

    @property
    def registered(self) -> frozenset[str]:
        """Names of the photos of the best model."""
        best = self.models[0]
        return frozenset(best.image(image_id).name for image_id in best.reg_image_ids())

    def with_colours(self, further: Mapping[str, UInt8Array]) -> dict[str, Sequence[UInt8Array]]:
        """Return the colours with those of keypoints that were appended now."""
        return {**self.further, **{name: [*self.further.get(name, ()), each] for name, each in further.items()}}

    def colours(self, run: Run) -> Colours:
        """Return the colours of the rows of the models' photos."""
        return colours_with(run, self.further)


def colours_with(run: Run, further: Mapping[str, Sequence[UInt8Array]]) -> Colours:
    """Return the colours of a run's keypoints, followed by those of the keypoints that were appended."""

    def colours(name: str) -> UInt8Array:
        return np.concatenate([run.features.colours(name), *further.get(name, ())])

    return colours
