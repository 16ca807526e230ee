"""Refinement by least squares on grey values, blind to gain and bias: inverse compositional Gauss-Newton.

Minimised is the sum over pixels x of image 2 of rho(a I1(M x) + b - I2(x)), where M maps image 2 to image 1, a and b
are gain and bias, and rho is Cauchy's, so that what hides in one photo only counts little (Baker and Matthews
2004). The gradients are image 2's and stay the same from one iteration to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.registration.planar import Float64Array, Frame, Model, inverse_of, map_points
from recon.registration.pyramid import BoolArray, Float32Array
from recon.registration.sandwich import sandwich
from recon.registration.scales import ScalePair
from recon.registration.step import DidNotConverge, Step

_MOST_PIXELS = 250_000
_ITERATIONS = 30
_LEAST_PIXELS = 200
_CAUCHY = 2.385
"""Of the residuals' standard deviation: 95 % as good as plain least squares where the noise is Gaussian."""
_SMALL_PX = 1e-3
"""A step that moves no pixel further than this, in pixels of the level, is the last."""
_HALVINGS = 4


def refine_by_ssd(scale: ScalePair, model: Model, matrix: Float64Array, frame: Frame) -> Step:
    """Return the transform at which image 1, brightened to fit, differs least from image 2.

    Raises:
        DidNotConverge: The images hardly overlap, or have nothing to hold on to.
    """
    template = _Template.of(scale, model, frame)
    state = template.look(matrix)
    iteration = 0
    while iteration < _ITERATIONS:
        iteration += 1
        weights, spread = state.weights()
        parameters = template.solve(state, weights)
        improved = None
        for halving in range(_HALVINGS):
            candidate = template.look(frame.step(model, parameters / 2**halving) @ state.matrix)
            if candidate.cost(spread) <= state.cost(spread):
                improved = candidate
                break
        if improved is None:
            break
        moved = template.largest_move(state.matrix, improved.matrix)
        state = improved
        if moved < _SMALL_PX:
            break
    return Step(state.matrix, iteration, template.covariance(state))


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """The pixels under one transform."""

    matrix: Float64Array
    seen: BoolArray
    """(N,): the template's pixels that image 1 shows."""
    values1: Float32Array
    """(S,) of those."""
    residuals: Float64Array
    """(S,) after the best gain and bias."""

    def weights(self) -> tuple[Float64Array, float]:
        """Return (S,) Cauchy's weights and the spread they are made for."""
        spread = max(1e-3, 1.4826 * float(np.median(np.abs(self.residuals))))
        return 1.0 / (1.0 + (self.residuals / (_CAUCHY * spread)) ** 2), spread

    def cost(self, spread: float) -> float:
        """Return the mean of Cauchy's rho, up to a factor."""
        return float(np.log1p((self.residuals / (_CAUCHY * spread)) ** 2).mean())


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """What stays the same at one size: pixels of image 2, their values, and how a step changes these."""

    scale: ScalePair
    xy2: Float64Array
    """(N, 2)"""
    values2: Float32Array
    """(N,)"""
    jacobian: Float32Array
    """(N, k): grey values to a unit of each parameter."""

    @classmethod
    def of(cls, scale: ScalePair, model: Model, frame: Frame) -> _Template:
        gradients = scale.level2.gradients()
        rows = scale.strong_rows(gradients, _MOST_PIXELS)
        xy2 = scale.level2.positions()[rows]
        motion = frame.jacobian(model, xy2)
        jacobian = np.einsum("ni,nik->nk", gradients.reshape(-1, 2)[rows], motion).astype(np.float32)
        return cls(scale, xy2, scale.level2.grey.ravel()[rows], jacobian)

    def look(self, matrix: Float64Array) -> _State:
        """Return the residuals under a transform, gain and bias fitted robustly."""
        xy1, seen = self.scale.warped_positions(matrix, self.xy2)
        if int(seen.sum()) < _LEAST_PIXELS:
            raise DidNotConverge("too few pixels are seen by both photos")
        values1, values2 = self.scale.level1.sample(xy1[seen]), self.values2[seen]
        gain, bias = _gain_and_bias(values1, values2)
        return _State(matrix, seen, values1, (gain * values1 + bias - values2).astype(np.float64))

    def solve(self, state: _State, weights: Float64Array) -> Float64Array:
        """Return the parameters of the step that the residuals ask for; gain and bias may change with it."""
        columns = self._columns(state)
        weighted = columns * weights[:, None].astype(np.float32)
        normal = (weighted.T @ columns).astype(np.float64)
        right = (weighted.T @ state.residuals.astype(np.float32)).astype(np.float64)
        scales = np.sqrt(np.diag(normal))
        if not np.all(scales > 0):
            raise DidNotConverge("the photos are flat where they overlap")
        # Scaled to a unit diagonal, so that a direction without information shows as a tiny eigenvalue.
        solution = np.linalg.lstsq(normal / np.outer(scales, scales), right / scales, rcond=1e-9)[0] / scales
        parameters: Float64Array = solution[:-2]
        return parameters

    def covariance(self, state: _State) -> Float64Array:
        """Return the covariance of a step's parameters at the end."""
        weights, _ = state.weights()
        columns = self._columns(state).astype(np.float64)
        normal = (columns * weights[:, None]).T @ columns
        scores = columns * (weights * state.residuals)[:, None]
        return sandwich(normal, scores, self.xy2[state.seen], self.scale.level2)[:-2, :-2]

    def largest_move(self, before: Float64Array, after: Float64Array) -> float:
        """Return how far the pixels of image 2 moved at most, in pixels of the level."""
        sample = self.xy2[:: max(1, len(self.xy2) // 500)]
        moved = map_points(after @ inverse_of(before), sample) - sample
        return float(np.abs(moved * np.array(self.scale.level2.scale)).max())

    def _columns(self, state: _State) -> Float32Array:
        """Return (S, k + 2): the derivative of image 2's values by the step, and by gain and bias."""
        values = state.values1 - state.values1.mean()
        return np.column_stack([self.jacobian[state.seen], -values, -np.ones_like(values)])


def _gain_and_bias(values1: Float32Array, values2: Float32Array) -> tuple[float, float]:
    """Return a and b of `values2 = a values1 + b`, down-weighting what does not fit."""
    weights: Float64Array = np.ones(len(values1))
    gain, bias = 1.0, 0.0
    for _ in range(3):
        total = float(weights.sum())
        mean1, mean2 = float((weights * values1).sum()) / total, float((weights * values2).sum()) / total
        centred = (values1 - mean1) * weights
        variance = float((centred * (values1 - mean1)).sum())
        gain = float((centred * (values2 - mean2)).sum()) / variance if variance > 0 else 0.0
        bias = mean2 - gain * mean1
        residuals = (gain * values1 + bias - values2).astype(np.float64)
        spread = max(1e-3, 1.4826 * float(np.median(np.abs(residuals))))
        weights = 1.0 / (1.0 + (residuals / (_CAUCHY * spread)) ** 2)
    return gain, bias


def covariance_at(scale: ScalePair, model: Model, matrix: Float64Array, frame: Frame) -> Float64Array:
    """Return (k, k): covariance of a step's parameters at a transform that another method found by grey values.

    Raises:
        DidNotConverge: As `refine_by_ssd`.
    """
    template = _Template.of(scale, model, frame)
    return template.covariance(template.look(matrix))
