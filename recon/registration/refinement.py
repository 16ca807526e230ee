"""A transform refined by the grey values, from coarse to fine, and kept only where that makes the images more alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recon.core.data import Image
from recon.registration.alike import correlation, mutual_information
from recon.registration.ecc import refine_by_ecc
from recon.registration.mutual_information import refine_by_mutual_information
from recon.registration.options import Refinement
from recon.registration.planar import Float64Array, Frame, Model, map_points
from recon.registration.scales import ScalePair, scale_pairs
from recon.registration.ssd import refine_by_ssd
from recon.registration.step import DidNotConverge, Refine

_METHODS: dict[Refinement, Refine] = {
    Refinement.SSD: refine_by_ssd,
    Refinement.ECC: refine_by_ecc,
    Refinement.MI: refine_by_mutual_information,
}
_MOST_JUDGED = 200_000
_TOLERANCE = 5e-4
"""Of correlation or bits: what hides in one photo only is in them, and the refinement is right not to follow it."""
_STRAYED = 0.02
"""Of image 2's diagonal: a refinement that moves the overlap further than this has lost its way."""


@dataclass(frozen=True, slots=True, eq=False)
class RefinementStep:
    """What was done at one size of the images."""

    scale: float
    """Width of image 2 there, as a share of its full width."""
    iterations: int
    moved_px: float
    """How far the corners of the overlap moved at most, in pixels of image 2."""
    alike: float
    """Correlation of the overlap after the step, or mutual information in bits for `mi`."""


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """What the grey values made of a transform."""

    matrix: Float64Array
    covariance: Float64Array | None
    """(k, k) of the parameters of a step; None where the transform is the one that came in."""
    steps: tuple[RefinementStep, ...]
    warnings: tuple[str, ...]


def refine(
    image1: Image,
    image2: Image,
    model: Model,
    matrix: Float64Array,
    method: Refinement,
    observe: Callable[[RefinementStep], None],
) -> Refined:
    """Return a transform refined at every size of the images, or as it came, with the reason as a warning."""
    frame = Frame.of(image2.size)
    pairs = scale_pairs(image1, image2, matrix)
    measure = mutual_information if method is Refinement.MI else correlation
    start, covariance = matrix, None
    steps: list[RefinementStep] = []
    warnings: list[str] = []
    for pair in pairs:
        try:
            step = _METHODS[method](pair, model, matrix, frame)
        except DidNotConverge as error:
            if pair is pairs[-1]:
                warnings.append(f"the refinement by {method} found nothing at the full size: {error}")
                covariance = None
            continue
        moved = _corner_move(matrix, step.matrix, pair)
        before, after = measure(*pair.overlap(matrix, _MOST_JUDGED)), measure(*pair.overlap(step.matrix, _MOST_JUDGED))
        if after >= before - _TOLERANCE:
            matrix, covariance = step.matrix, step.covariance
        steps.append(RefinementStep(pair.level2.scale[0], step.iterations, moved, max(before, after)))
        observe(steps[-1])
    finest = pairs[-1]
    before, after = measure(*finest.overlap(start, _MOST_JUDGED)), measure(*finest.overlap(matrix, _MOST_JUDGED))
    strayed = _corner_move(start, matrix, finest) > _STRAYED * 2 * frame.scale
    if strayed or matrix is start or after < before - _TOLERANCE:
        reason = "moved the photos apart" if strayed else "made them no more alike"
        warnings.append(f"the refinement by {method} {reason} and is not used: the transform is that of the matches")
        return Refined(start, None, tuple(steps), tuple(warnings))
    return Refined(matrix, covariance, tuple(steps), tuple(warnings))


def _corner_move(before: Float64Array, after: Float64Array, pair: ScalePair) -> float:
    """Return how far the corners of what both images see moved at most, in pixels of image 2."""
    rows = pair.even_rows(2000)
    xy2 = pair.level2.positions()[rows]
    xy1, seen = pair.warped_positions(before, xy2)
    if not seen.any():
        return float("inf")
    moved = map_points(after, xy1[seen]) - xy2[seen]
    return float(np.sqrt((moved**2).sum(axis=1)).max())
