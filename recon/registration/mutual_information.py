"""Refinement by mutual information: for photos whose brightness is related in no simple way (other sensors, negatives).

The joint histogram has 32 bins a side, smooth in image 1's values by cubic B-splines (Mattes 2003) and in image 2's by
linear ones, since plain bins there would be noise. Its logarithm says how likely a value of image 1 is beside one of
image 2; mutual information is the mean of that. It is climbed by Newton's steps, the histogram's own
curvature taken for that of the whole (Dowson and Bowden 2008), damped by Levenberg's and Marquardt's rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recon.registration.planar import Float64Array, Frame, Model, derivative_at, inverse_of, map_points
from recon.registration.pyramid import Float32Array, Level
from recon.registration.sandwich import sandwich
from recon.registration.scales import ScalePair
from recon.registration.step import DidNotConverge, Step

_BINS = 32
_PAD = 2
"""Empty bins at either end of image 1's, into which the splines of its extreme values reach."""
_MOST_PIXELS = 200_000
_LEAST_PIXELS = 1000
"""With fewer, a histogram of 1024 bins is mostly chance."""
_ITERATIONS = 40
_SMALL_PX = 1e-3
_FIRST_DAMPING = 1e-2
_MOST_DAMPING = 1e6


def refine_by_mutual_information(scale: ScalePair, model: Model, matrix: Float64Array, frame: Frame) -> Step:
    """Return the transform at which image 1 tells most of image 2.

    Raises:
        DidNotConverge: The images hardly overlap, or one is flat where they do.
    """
    template = _Template.of(scale, model, frame)
    state = template.look(matrix)
    damping = _FIRST_DAMPING
    iteration = 0
    while iteration < _ITERATIONS:
        iteration += 1
        scores, normal = template.scores(state)
        gradient = scores.sum(axis=0)
        improved = None
        while improved is None and damping <= _MOST_DAMPING:
            parameters = np.linalg.lstsq(normal + damping * np.diag(np.diag(normal)), gradient, rcond=1e-12)[0]
            candidate = template.look(frame.step(model, parameters) @ state.matrix)
            if candidate.information > state.information:
                improved = candidate
            else:
                damping *= 10
        if improved is None:
            break
        damping = max(1e-6, damping / 10)
        moved = template.largest_move(state.matrix, improved.matrix)
        state = improved
        if moved < _SMALL_PX:
            break
    scores, normal = template.scores(state)
    covariance = sandwich(normal, scores, template.xy2[state.seen], scale.level2)
    return Step(state.matrix, iteration, covariance)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """The joint histogram under one transform."""

    matrix: Float64Array
    xy1: Float64Array
    """(S, 2): where the pixels that both images show come from in image 1."""
    seen: npt.NDArray[np.bool_]
    """(N,)"""
    bins1: Float64Array
    """(S,): values of image 1 in bins."""
    log_likelihood: Float64Array
    """(bins of image 1, bins of image 2): log p(1, 2) / p(1) p(2); 0 where nothing fell."""
    information: float
    """In nats."""


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """What stays the same at one size."""

    scale: ScalePair
    gradients1: tuple[Level, Level]
    """The change of image 1 in x and in y, to a pixel of the full image."""
    xy2: Float64Array
    """(N, 2)"""
    bins2: npt.NDArray[np.intp]
    """(N,): the lower of the two bins between which a value of image 2 lies."""
    share2: Float64Array
    """(N,): how much of it belongs to the upper one."""
    motion: Float64Array
    """(N, 2, k)"""
    lowest1: float
    width1: float
    """Where image 1's bins begin, and grey values in a bin."""

    @classmethod
    def of(cls, scale: ScalePair, model: Model, frame: Frame) -> _Template:
        rows = scale.even_rows(_MOST_PIXELS)
        xy2 = scale.level2.positions()[rows]
        values2 = scale.level2.grey.ravel()[rows]
        if len(rows) < _LEAST_PIXELS or float(np.ptp(values2)) < 1.0:
            raise DidNotConverge("image 2 is too small or too flat for a histogram")
        level1 = scale.level1
        gradients = level1.gradients()
        x, y = (Level(np.ascontiguousarray(gradients[..., k]), level1.is_valid, level1.scale) for k in (0, 1))
        lowest, highest = (float(v) for v in np.percentile(level1.grey[level1.is_valid], (0.1, 99.9)))
        return cls(
            scale,
            (x, y),
            xy2,
            *_bins_of(values2),
            frame.jacobian(model, xy2),
            lowest,
            max(1e-3, (highest - lowest) / (_BINS - 1)),
        )

    def look(self, matrix: Float64Array) -> _State:
        """Return the joint histogram under a transform."""
        xy1, seen = self.scale.warped_positions(matrix, self.xy2)
        if int(seen.sum()) < _LEAST_PIXELS:
            raise DidNotConverge("too few pixels are seen by both photos")
        bins1 = self._in_bins(self.scale.level1.sample(xy1[seen]))
        first = np.floor(bins1).astype(np.intp) - 1
        rows = _BINS + 2 * _PAD
        joint = np.zeros(rows * _BINS)
        upper = self.share2[seen]
        for shift in range(4):
            place = (first + shift) * _BINS + self.bins2[seen]
            weight = _spline(bins1 - (first + shift))
            joint += np.bincount(place, weight * (1 - upper), rows * _BINS)
            joint += np.bincount(place + 1, weight * upper, rows * _BINS)
        joint /= joint.sum()
        table = joint.reshape(rows, _BINS)
        independent = np.outer(table.sum(axis=1), table.sum(axis=0))
        filled = table > 0
        log_likelihood = np.zeros_like(table)
        log_likelihood[filled] = np.log(table[filled] / independent[filled])
        information = float((table * log_likelihood).sum())
        return _State(matrix, xy1[seen], seen, bins1, log_likelihood, information)

    def scores(self, state: _State) -> tuple[Float64Array, Float64Array]:
        """Return (S, k): how the log-likelihood of each pixel changes with a step; and (k, k): the curvature of all."""
        first = np.floor(state.bins1).astype(np.intp) - 1
        lower, upper = self.bins2[state.seen], self.share2[state.seen]
        slope, bend = np.zeros(len(lower)), np.zeros(len(lower))
        for shift in range(4):
            beside = state.log_likelihood[first + shift, lower] * (1 - upper)
            beside += state.log_likelihood[first + shift, lower + 1] * upper
            distance = state.bins1 - (first + shift)
            slope += _spline_slope(distance) * beside
            bend += _spline_bend(distance) * beside
        gradient1 = np.stack([level.sample(state.xy1) for level in self.gradients1], axis=-1)
        derivative = derivative_at(inverse_of(state.matrix), self.xy2[state.seen])
        gradient = np.einsum("ni,nij->nj", gradient1.astype(np.float64), derivative)
        # A step moves image 2's pixels one way, and so the place that is looked up in image 1 the other way.
        bins_moved = -np.einsum("nj,njk->nk", gradient, self.motion[state.seen]) / self.width1
        scores: Float64Array = slope[:, None] * bins_moved
        normal: Float64Array = (bins_moved * np.maximum(0.0, -bend)[:, None]).T @ bins_moved
        return scores, normal

    def largest_move(self, before: Float64Array, after: Float64Array) -> float:
        """Return how far the pixels of image 2 moved at most, in pixels of the level."""
        sample = self.xy2[:: max(1, len(self.xy2) // 500)]
        moved = map_points(after @ inverse_of(before), sample) - sample
        return float(np.abs(moved * np.array(self.scale.level2.scale)).max())

    def _in_bins(self, values1: Float32Array) -> Float64Array:
        """Return values in bins, 0 to _BINS - 1 moved up by the padding; the few beyond count as the last."""
        bins = (values1.astype(np.float64) - self.lowest1) / self.width1
        return np.clip(bins, 0.0, _BINS - 1.001) + _PAD


def _bins_of(values2: Float32Array) -> tuple[npt.NDArray[np.intp], Float64Array]:
    """Return (N,) the lower of the two bins around each value, and (N,) the share of the upper one."""
    lowest, highest = (float(value) for value in np.percentile(values2, (0.1, 99.9)))
    width = max(1e-3, (highest - lowest) / (_BINS - 1))
    bins = np.clip((values2.astype(np.float64) - lowest) / width, 0.0, _BINS - 1.001)
    lower = bins.astype(np.intp)
    return lower, bins - lower


def _spline(distance: Float64Array) -> Float64Array:
    """Return the cubic B-spline at a distance in bins."""
    t = np.abs(distance)
    near = 2 / 3 - t**2 + t**3 / 2
    far = np.maximum(0.0, 2 - t) ** 3 / 6
    return np.where(t < 1, near, far)


def _spline_slope(distance: Float64Array) -> Float64Array:
    """Return the derivative of `_spline`."""
    t = np.abs(distance)
    near = -2 * t + 1.5 * t**2
    far = -(np.maximum(0.0, 2 - t) ** 2) / 2
    return np.sign(distance) * np.where(t < 1, near, far)


def _spline_bend(distance: Float64Array) -> Float64Array:
    """Return the second derivative of `_spline`."""
    t = np.abs(distance)
    return np.where(t < 1, 3 * t - 2, np.maximum(0.0, 2 - t))
