"""How far a match is from fitting a model: first-order distances in both images together, in pixels.

Both positions of a match are taken to be uncertain by one pixel in x and y; a residual is divided by what that
makes of it (Sampson's approximation of the distance in the four coordinates of a match, Torr 1998), so that
residuals of all models are of one kind: with positions off by s pixels, each component has standard deviation s.
"""

from __future__ import annotations

import numpy as np

from recon.registration.planar import Float64Array, derivative_at, map_points


def planar_residuals(matrix: Float64Array, xy1: Float64Array, xy2: Float64Array) -> Float64Array:
    """Return (N, 2) whitened residuals of matches under a homography; infinite on its horizon."""
    whitening = planar_whitening(matrix, xy1)
    with np.errstate(invalid="ignore"):
        residuals: Float64Array = np.einsum("nij,nj->ni", whitening, xy2 - map_points(matrix, xy1))
    return np.where(np.isfinite(residuals), residuals, np.inf)


def planar_whitening(matrix: Float64Array, xy1: Float64Array) -> Float64Array:
    """Return (N, 2, 2): divides a residual in image 2 by what one pixel in both images makes of it."""
    derivative = derivative_at(matrix, xy1)
    derivative = np.where(np.isfinite(derivative), derivative, 1e9)
    covariance = np.eye(2) + derivative @ derivative.transpose(0, 2, 1)
    factor = np.linalg.cholesky(covariance)
    whitening: Float64Array = np.linalg.inv(factor)
    return whitening


def epipolar_residuals(matrix: Float64Array, xy1: Float64Array, xy2: Float64Array) -> Float64Array:
    """Return (N, 1) Sampson distances of matches under a fundamental matrix, with their signs."""
    one = np.ones((len(xy1), 1))
    lines2 = np.hstack([xy1, one]) @ matrix.T
    lines1 = np.hstack([xy2, one]) @ matrix
    algebraic = np.sum(np.hstack([xy2, one]) * lines2, axis=1)
    gradient = np.sqrt(np.sum(lines1[:, :2] ** 2, axis=1) + np.sum(lines2[:, :2] ** 2, axis=1))
    distances: Float64Array = (algebraic / np.maximum(gradient, np.finfo(float).tiny))[:, None]
    return distances


def lengths(residuals: Float64Array) -> Float64Array:
    """Return (N,) lengths of (N, d) residuals."""
    norms: Float64Array = np.sqrt(np.sum(residuals**2, axis=1))
    return norms
