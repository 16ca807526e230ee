"""Which model the matches ask for: the one of least GRIC, and whether chance would do as well.

GRIC (Torr 1998, "Geometric motion segmentation and model selection") adds up how badly the matches fit, what
the dimension of the model costs for each match, and what each parameter costs:

    sum of min(e^2 / s^2, 2 (4 - d))  +  n d ln 4  +  k ln(4 n)

with d = 2 for planar models and 3 for the epipolar one, k parameters, and s the noise of a keypoint in pixels. The
sum is over the matches that fit any of the models: over all of them, wrong matches would vote for the
epipolar model, whose outliers cost less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from recon.registration.fitting import LEAST_MATCHES, Fit
from recon.registration.planar import Model

PARAMETERS = {Model.SIMILARITY: 4, Model.AFFINE: 6, Model.HOMOGRAPHY: 8, Model.EPIPOLAR: 7}
_DIMENSION = {Model.SIMILARITY: 2, Model.AFFINE: 2, Model.HOMOGRAPHY: 2, Model.EPIPOLAR: 3}
_COORDINATES = 4
LEAST_NOISE_PX = 0.3
"""No keypoint is better than this; the distortion of a lens alone makes that much."""


def noise_px(fits: Mapping[Model, Fit]) -> float:
    """Return the noise of a keypoint: the standard deviation that the most general model leaves, of a component.

    That is the epipolar one, which holds for every pair of photos; its parameters are taken off the count, and
    two more, since over a plane it is not determined and may bend to the noise.
    """
    for model in (Model.EPIPOLAR, Model.HOMOGRAPHY, Model.AFFINE, Model.SIMILARITY):
        if model in fits:
            inliers = fits[model].residuals[fits[model].is_inlier]
            spare = inliers.size - PARAMETERS[model] - 2
            if spare > 0:
                return max(LEAST_NOISE_PX, math.sqrt(float((inliers**2).sum()) / spare))
    return LEAST_NOISE_PX


def gric(fits: Mapping[Model, Fit], noise: float) -> dict[Model, float]:
    """Return Torr's criterion for each model, of the matches that fit any of them; the least is best."""
    if not fits:
        return {}
    counted = np.any([fit.is_inlier for fit in fits.values()], axis=0)
    n = int(counted.sum())
    scores = {}
    for model, fit in fits.items():
        d = _DIMENSION[model]
        squares = np.sum(fit.residuals[counted] ** 2, axis=1) / noise**2
        misfit = float(np.minimum(squares, 2.0 * (_COORDINATES - d)).sum())
        scores[model] = misfit + n * d * math.log(_COORDINATES) + PARAMETERS[model] * math.log(max(1, _COORDINATES * n))
    return scores


def log10_false_alarms(fit: Fit, size1: tuple[int, int], size2: tuple[int, int], max_error_px: float) -> float:
    """Return log10 of how often wrong matches alone would agree this well (Moisan and Stival 2004).

    A wrong match lands anywhere in the images; every minimal set of matches is a trial.
    """
    n, k, m = len(fit.is_inlier), fit.num_inliers, LEAST_MATCHES[fit.model]
    if fit.model is Model.EPIPOLAR:
        m = 7
    if k <= m:
        return math.inf
    share = max(_share(fit.model, size, max_error_px * math.sqrt(2.0)) for size in (size1, size2))
    trials = math.log10(n - m) + _log10_binomial(n, k) + _log10_binomial(k, m)
    return trials + (k - m) * math.log10(min(1.0, share))


def _share(model: Model, size: tuple[int, int], radius_px: float) -> float:
    """Return the share of an image that lies within a distance of a point, or of a line through it."""
    width, height = size
    reached = 2 * radius_px * math.hypot(width, height) if model is Model.EPIPOLAR else math.pi * radius_px**2
    return reached / (width * height)


def _log10_binomial(n: int, k: int) -> float:
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(10)
