"""What a registration gives back: the transform, how sure it is, and what it was chosen by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from recon.registration.planar import (
    Float64Array,
    Frame,
    Model,
    corners_of,
    inverse_of,
    map_points,
    normalised,
    scaling,
)
from recon.registration.refinement import RefinementStep


@dataclass(frozen=True, slots=True)
class Candidate:
    """How one model fits the matches."""

    gric: float
    """Torr's criterion: the least is best."""
    inliers: int
    rms_px: float
    """Of the inliers' first-order distances, a component, in pixels of the images as they were matched."""
    log10_false_alarms: float
    """How often wrong matches alone would agree that well."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much image 1 and image 2 look alike where both are seen: correlation coefficients, -1 to 1."""

    unaligned: float
    """One resized to the other."""
    matched: float
    """Under the transform of the matches alone."""
    refined: float
    """Under the final transform."""


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """How two images are related. Positions are pixels, the centre of the top-left one at (0.5, 0.5)."""

    model: Model
    matrix: Float64Array
    """3x3: takes pixels of image 1 to pixels of image 2. For EPIPOLAR that of the dominant plane only."""
    fundamental: Float64Array | None
    """3x3, x2' F x1 = 0; for EPIPOLAR only."""
    size1: tuple[int, int]
    size2: tuple[int, int]
    step_model: Model
    """The planar model whose parameters `step_covariance` speaks of."""
    step_covariance: Float64Array
    """(k, k) of the parameters of a small step on the left of `matrix`; see `recon.registration.planar`."""
    xy1: Float64Array
    """(N, 2) matched positions in image 1."""
    xy2: Float64Array
    """(N, 2) in image 2."""
    is_inlier: npt.NDArray[np.bool_]
    """(N,): fits the model."""
    rms_px: float
    """Root mean square distance of the inliers' positions in image 2 from where the model has them, a component."""
    noise_px: float
    """Noise of a keypoint that the criterion went by."""
    candidates: Mapping[Model, Candidate]
    likeness: Likeness
    steps: tuple[RefinementStep, ...]
    warnings: tuple[str, ...]

    @property
    def num_inliers(self) -> int:
        """How many matches fit."""
        return int(self.is_inlier.sum())

    def corners(self) -> Float64Array:
        """Return (4, 2): where the corners of image 1 lie in image 2, clockwise from the top left."""
        return map_points(self.matrix, corners_of(self.size1))

    def corner_covariances(self) -> Float64Array:
        """Return (4, 2, 2) pixels squared: how sure those places are."""
        return self.covariance_at(corners_of(self.size1))

    def covariance_at(self, xy1: npt.ArrayLike) -> Float64Array:
        """Return (N, 2, 2) pixels squared: how sure it is where positions (N, 2) of image 1 lie in image 2."""
        jacobian = self._frame.jacobian(self.step_model, map_points(self.matrix, xy1))
        covariance: Float64Array = jacobian @ self.step_covariance @ jacobian.transpose(0, 2, 1)
        return covariance

    def matrix_covariance(self) -> Float64Array:
        """Return (8, 8): covariance of the first eight entries of `matrix`, row by row, its last one held at 1."""
        scaled = normalised(self.matrix)
        changes = self._frame.directions(self.step_model) @ scaled
        entries = changes.reshape(len(changes), 9)
        jacobian = (entries[:, :8] - scaled.ravel()[:8] * entries[:, 8:]) / scaled[2, 2]
        covariance: Float64Array = jacobian.T @ self.step_covariance @ jacobian
        return covariance

    def in_pixels_of(self, size1: tuple[int, int], size2: tuple[int, int]) -> Registration:
        """Return the same registration for the images at other sizes: those of the full photos."""
        from1, to2 = scaling(size1, self.size1), scaling(self.size2, size2)
        fundamental = self.fundamental
        if fundamental is not None:
            moved = inverse_of(to2).T @ fundamental @ from1
            fundamental = np.asarray(moved / np.linalg.norm(moved), np.float64)
        zoom1, zoom2 = np.diag(scaling(self.size1, size1))[:2], np.diag(to2)[:2]
        before, after = Frame.of(self.size2), Frame.of(size2)
        # A step (I + G) of the smaller image 2 is to2 (I + G) to2^-1 of the larger: told in its own parameters.
        change = _parameters_in(self.step_model, before, after, to2)
        return replace(
            self,
            matrix=normalised(to2 @ self.matrix @ from1),
            fundamental=fundamental,
            size1=size1,
            size2=size2,
            step_covariance=change @ self.step_covariance @ change.T,
            xy1=self.xy1 * zoom1,
            xy2=self.xy2 * zoom2,
            rms_px=self.rms_px * float(np.sqrt(zoom2[0] * zoom2[1])),
        )

    @property
    def _frame(self) -> Frame:
        return Frame.of(self.size2)


def _parameters_in(model: Model, before: Frame, after: Frame, resize: Float64Array) -> Float64Array:
    """Return (k, k): a step's parameters in the frame `after` a resize, from those in the frame `before`."""
    moved = resize @ before.directions(model) @ inverse_of(resize)
    count = len(moved)
    # Up to the scale of a matrix, which moves nothing.
    basis = np.vstack([after.directions(model).reshape(count, 9), np.eye(3).reshape(1, 9)]).T
    solution = np.linalg.lstsq(basis, moved.reshape(count, 9).T, rcond=None)[0]
    return np.asarray(solution[:count], np.float64)
