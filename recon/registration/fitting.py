"""From matches, some of them wrong, to each candidate model: a robust start by OpenCV's USAC, then least squares.

USAC (MAGSAC++ scores, local optimisation) draws from a generator whose seed is given, so equal input gives equal
output. What it finds is polished on the matches that fit, by the residuals of `recon.registration.residuals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.registration.planar import Float64Array, Frame, Model, map_points, normalised
from recon.registration.residuals import epipolar_residuals, lengths, planar_residuals, planar_whitening

LEAST_MATCHES = {Model.SIMILARITY: 2, Model.AFFINE: 3, Model.HOMOGRAPHY: 4, Model.EPIPOLAR: 8}
"""Matches that determine a model (OpenCV's USAC of the fundamental matrix wants eight)."""
_ROUNDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A model fitted to matches."""

    model: Model
    matrix: Float64Array
    """3x3, pixels of image 1 to pixels of image 2; for EPIPOLAR the fundamental matrix, x2' F x1 = 0."""
    residuals: Float64Array
    """(N, d) whitened residuals of all matches: d = 2 for planar models, 1 for EPIPOLAR."""
    is_inlier: npt.NDArray[np.bool_]
    """(N,)"""

    @property
    def num_inliers(self) -> int:
        """How many matches fit."""
        return int(self.is_inlier.sum())

    @property
    def rms_px(self) -> float:
        """Root mean square of the inliers' whitened residuals, a component; 0 without inliers."""
        inliers = self.residuals[self.is_inlier]
        return float(np.sqrt(np.mean(inliers**2))) if inliers.size else 0.0


def fit_model(
    model: Model, xy1: Float64Array, xy2: Float64Array, frame: Frame, max_error_px: float, seed: int
) -> Fit | None:
    """Return a model fitted to matches (N, 2) and (N, 2), None where USAC finds none.

    Args:
        frame: Of image 2.
        max_error_px: Length of a whitened residual up to which a match fits.
    """
    if len(xy1) < LEAST_MATCHES[model]:
        return None
    matrix = _robust_start(model, xy1, xy2, max_error_px, seed)
    if matrix is None:
        return None
    if model is Model.EPIPOLAR:
        residuals = epipolar_residuals(matrix, xy1, xy2)
        return Fit(model, matrix / np.linalg.norm(matrix), residuals, lengths(residuals) <= max_error_px)
    matrix = polish(model, matrix, xy1, xy2, frame, max_error_px)
    residuals = planar_residuals(matrix, xy1, xy2)
    return Fit(model, normalised(matrix), residuals, lengths(residuals) <= max_error_px)


def polish(
    model: Model, matrix: Float64Array, xy1: Float64Array, xy2: Float64Array, frame: Frame, max_error_px: float
) -> Float64Array:
    """Return a planar model after rounds of least squares on the matches that fit, down-weighted to the threshold."""
    for _ in range(_ROUNDS):
        jacobian, residuals, weights = _system(model, matrix, xy1, xy2, frame, max_error_px)
        if np.count_nonzero(weights) < LEAST_MATCHES[model]:
            return matrix
        normal = np.einsum("n,nij,nik->jk", weights, jacobian, jacobian)
        right = np.einsum("n,nij,ni->j", weights, jacobian, residuals)
        try:
            parameters = np.linalg.solve(normal, right)
        except np.linalg.LinAlgError:
            return matrix
        matrix = frame.step(model, parameters) @ matrix
        if np.abs(parameters).max() * frame.scale < 1e-6:
            break
    return matrix


def covariance_from_matches(
    model: Model, matrix: Float64Array, xy1: Float64Array, xy2: Float64Array, frame: Frame, max_error_px: float
) -> Float64Array:
    """Return (k, k): covariance of the parameters of a step (see `Frame`), from how the matches scatter.

    A sandwich (White 1980): each match brings its own residual, so that no size of error has to be assumed.
    """
    jacobian, residuals, weights = _system(model, matrix, xy1, xy2, frame, max_error_px)
    scores = np.einsum("n,nij,ni->nj", weights, jacobian, residuals)
    bread = np.linalg.pinv(np.einsum("n,nij,nik->jk", weights, jacobian, jacobian))
    used = np.count_nonzero(weights)
    spare = max(1.0, 2.0 * used - jacobian.shape[2])
    covariance: Float64Array = bread @ (scores.T @ scores) @ bread * (2.0 * used / spare)
    return covariance


def _system(
    model: Model, matrix: Float64Array, xy1: Float64Array, xy2: Float64Array, frame: Frame, max_error_px: float
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return whitened Jacobian (M, 2, k), residuals (M, 2) and weights (M,) of the matches within the threshold."""
    residuals = planar_residuals(matrix, xy1, xy2)
    distances = lengths(residuals)
    near = distances <= max_error_px
    whitening = planar_whitening(matrix, xy1[near])
    jacobian = whitening @ frame.jacobian(model, map_points(matrix, xy1[near]))
    # Tukey's biweight: a match just inside the threshold counts almost nothing, so that none jumps in or out.
    weights = (1 - (distances[near] / max_error_px) ** 2) ** 2
    return jacobian, residuals[near], weights


def _robust_start(
    model: Model, xy1: Float64Array, xy2: Float64Array, max_error_px: float, seed: int
) -> Float64Array | None:
    import cv2

    threshold = max_error_px * np.sqrt(2.0)  # OpenCV's is a distance in image 2 alone
    points1, points2 = np.ascontiguousarray(xy1), np.ascontiguousarray(xy2)
    try:
        if model is Model.SIMILARITY:
            # No USAC for it in OpenCV; its RANSAC starts from a fixed seed.
            found, _ = cv2.estimateAffinePartial2D(points1, points2, ransacReprojThreshold=threshold, maxIters=5000)
        elif model is Model.AFFINE:
            found, _ = cv2.estimateAffine2D(points1, points2, _usac(threshold, seed))
        elif model is Model.HOMOGRAPHY:
            found, _ = cv2.findHomography(points1, points2, _usac(threshold, seed))
        else:
            found, _ = cv2.findFundamentalMat(points1, points2, _usac(max_error_px, seed))
    except cv2.error:  # all matches on one line, or in one place
        return None
    if found is None or found.size not in (6, 9) or not np.isfinite(found).all():
        return None
    matrix = np.vstack([found, [0.0, 0.0, 1.0]]) if found.size == 6 else np.asarray(found, np.float64)
    return matrix if abs(np.linalg.norm(matrix)) > 0 else None


def _usac(threshold: float, seed: int) -> Any:
    import cv2

    params = cv2.UsacParams()
    params.threshold = threshold
    params.confidence = 0.9999
    params.maxIterations = 10_000
    params.sampler = cv2.SAMPLING_UNIFORM
    params.score = cv2.SCORE_METHOD_MAGSAC
    params.loMethod = cv2.LOCAL_OPTIM_SIGMA
    params.loIterations = 10
    params.loSampleSize = 30
    params.final_polisher = cv2.MAGSAC
    params.final_polisher_iterations = 3
    params.randomGeneratorState = seed
    params.isParallel = False
    return params
