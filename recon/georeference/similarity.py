"""The similarity that lays camera centres onto measured positions, with the upward direction as a measurement, too.

`world = scale * rotation @ center + translation`. Seven unknowns: the logarithm of the scale, a rotation vector applied
after `rotation`, and the translation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recon.core.arrays import FloatArray

if TYPE_CHECKING:
    import pycolmap

_ROUNDS = 30
_STEP_DONE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """A change of frame."""

    scale: float
    rotation: FloatArray
    """(3, 3)."""
    translation: FloatArray
    """(3,)."""

    def __call__(self, centers: FloatArray) -> FloatArray:
        """Return (N, 3) positions in the new frame."""
        moved: FloatArray = self.scale * centers @ self.rotation.T + self.translation
        return moved


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What is known of the new frame: N positions, and maybe up."""

    centers: FloatArray
    """(N, 3) in the model."""
    positions: FloatArray
    """(N, 3) in the new frame: east, north, up."""
    sigmas: FloatArray
    """(N, 3) standard errors of those."""
    up: FloatArray | None = None
    """(3,) of length 1, in the model."""
    up_error_rad: float = 0.0

    def only(self, rows: NDArray[Any]) -> Measured:
        """Return the positions of some rows only."""
        return Measured(self.centers[rows], self.positions[rows], self.sigmas[rows], self.up, self.up_error_rad)


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Standard errors of a similarity."""

    scale: float
    """As a part of the scale."""
    tilt_deg: float
    """Of up, in its worst direction."""
    heading_deg: float


def rotation_to_z(up: FloatArray) -> FloatArray:
    """Return the smallest (3, 3) rotation that turns a direction of length 1 to +z."""
    axis, cosine = np.cross(up, (0.0, 0.0, 1.0)), float(up[2])
    if cosine < -1 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = _cross_matrix(axis)
    rotation: FloatArray = np.eye(3) + cross + cross @ cross / (1 + cosine)
    return rotation


def level_similarity(measured: Measured, weights: FloatArray) -> Similarity | None:
    """Return the similarity of least squares that keeps `up` upright; None where the centres are one place.

    Args:
        weights: (N,) of the positions.
    """
    assert measured.up is not None
    upright = rotation_to_z(measured.up)
    flat = measured.centers @ upright.T
    shares = weights / weights.sum()
    middle, target = shares @ flat, shares @ measured.positions
    source = (flat - middle) @ (1, 1j, 0)
    wanted = (measured.positions - target) @ (1, 1j, 0)
    spread = float(shares @ np.abs(source) ** 2)
    turn = shares @ (wanted * source.conj())  # scale times heading, as a complex number
    if spread <= 0 or abs(turn) <= 0:
        return None
    scale, heading = abs(turn) / spread, turn / abs(turn)
    about_z = np.array([(heading.real, -heading.imag, 0), (heading.imag, heading.real, 0), (0, 0, 1)])
    return Similarity(float(scale), about_z @ upright, target - scale * about_z @ middle)


def free_similarity(measured: Measured, weights: FloatArray) -> Similarity | None:
    """Return the similarity of least squares, Umeyama 1991; None where the centres lie on a line."""
    shares = weights / weights.sum()
    middle, target = shares @ measured.centers, shares @ measured.positions
    source, wanted = measured.centers - middle, measured.positions - target
    left, values, right = np.linalg.svd((shares[:, None] * wanted).T @ source)
    spread = float(shares @ (source**2).sum(axis=1))
    if spread <= 0 or values[1] < 1e-9 * values[0]:
        return None
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left @ (signs[:, None] * right)
    scale = float(values @ signs) / spread
    return Similarity(scale, rotation, target - scale * rotation @ middle) if scale > 0 else None


def refine_similarity(start: Similarity, measured: Measured) -> tuple[Similarity, Errors]:
    """Return the similarity of least squares of everything measured, by its errors, and how sure it is."""
    # About the middle of the cameras, else rotation and translation hide each other.
    middle, target = measured.centers.mean(axis=0), measured.positions.mean(axis=0)
    local = Measured(
        measured.centers - middle, measured.positions - target, measured.sigmas, measured.up, measured.up_error_rad
    )
    shift = start.scale * start.rotation @ middle + start.translation - target
    similarity, errors = _refine(Similarity(start.scale, start.rotation, shift), local)
    back = target + similarity.translation - similarity.scale * similarity.rotation @ middle
    return Similarity(similarity.scale, similarity.rotation, back), errors


def _refine(similarity: Similarity, measured: Measured) -> tuple[Similarity, Errors]:
    normal = np.eye(7)
    for _ in range(_ROUNDS):
        rows, residuals = _equations(similarity, measured)
        normal = rows.T @ rows
        damping = 1e-9 * np.diag(np.diag(normal)) + 1e-12 * np.eye(7)
        step = np.linalg.solve(normal + damping, -rows.T @ residuals)
        step[:4] = np.clip(step[:4], -0.5, 0.5)
        similarity = Similarity(
            similarity.scale * float(np.exp(step[0])),
            _rotation(step[1:4]) @ similarity.rotation,
            similarity.translation + step[4:],
        )
        if np.abs(step[:4]).max() < _STEP_DONE:
            break
    variances = np.linalg.pinv(normal, rcond=1e-14, hermitian=True)
    tilt = float(np.sqrt(max(np.linalg.eigvalsh(variances[1:3, 1:3])[1], 0.0)))
    degrees = np.degrees([min(tilt, np.pi / 2), min(float(np.sqrt(max(variances[3, 3], 0.0))), np.pi)])
    return similarity, Errors(float(np.sqrt(max(variances[0, 0], 0.0))), float(degrees[0]), float(degrees[1]))


def _equations(similarity: Similarity, measured: Measured) -> tuple[FloatArray, FloatArray]:
    """Return the Jacobian (M, 7) and the residuals (M,), both in standard errors."""
    turned = similarity.scale * measured.centers @ similarity.rotation.T
    jacobian = np.zeros((len(turned), 3, 7))
    jacobian[:, :, 0] = turned
    jacobian[:, :, 1:4] = -np.stack([_cross_matrix(each) for each in turned])
    jacobian[:, :, 4:] = np.eye(3)
    residuals = turned + similarity.translation - measured.positions
    rows = (jacobian / measured.sigmas[:, :, None]).reshape(-1, 7)
    residuals = (residuals / measured.sigmas).reshape(-1)
    if measured.up is None:
        return rows, residuals
    up = similarity.rotation @ measured.up
    upward = np.zeros((2, 7))
    upward[:, 1:4] = -_cross_matrix(up)[:2]
    return (
        np.vstack([rows, upward / measured.up_error_rad]),
        np.concatenate([residuals, up[:2] / measured.up_error_rad]),
    )


def _cross_matrix(vector: FloatArray) -> FloatArray:
    x, y, z = vector
    return np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)], np.float64)


def _rotation(vector: FloatArray) -> FloatArray:
    """Return the (3, 3) rotation about a vector by its length (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3) + _cross_matrix(vector)
    cross = _cross_matrix(vector / angle)
    rotation: FloatArray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation


def move_model(model: pycolmap.Reconstruction, similarity: Similarity) -> None:
    """Bring a model into the new frame, in place."""
    import pycolmap

    rotation = pycolmap.Rotation3d(similarity.rotation)
    model.transform(pycolmap.Sim3d(similarity.scale, rotation, similarity.translation))
