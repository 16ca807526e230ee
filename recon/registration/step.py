"""What every intensity refinement takes and gives at one size of the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recon.registration.planar import Float64Array, Frame, Model
from recon.registration.scales import ScalePair


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What a refinement made of a transform at one size."""

    matrix: Float64Array
    iterations: int
    covariance: Float64Array
    """(k, k) of the parameters of a step (see `Frame`)."""


Refine = Callable[[ScalePair, Model, Float64Array, Frame], Step]
"""Improves a transform by the grey values at one size; raises `DidNotConverge`."""


class DidNotConverge(Exception):
    """The grey values lead nowhere; translated into a warning where the steps are put together."""
