"""The planar models: what they may change, how they move points, and how they are changed by a small step.

A transform is a 3x3 matrix that maps pixels of image 1 to pixels of image 2, both with COLMAP's origin: the
centre of the top-left pixel is (0.5, 0.5). A small step stands on its left, `(I + step) @ matrix`, in the
coordinates of image 2 shifted and scaled to about -1 ... 1 (`Frame`), so that every covariance here means the
same thing whatever the matrix was.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]


class Model(StrEnum):
    """How two photos may be related."""

    SIMILARITY = "similarity"
    """Shift, rotation, one scale."""
    AFFINE = "affine"
    """Two scales and a shear, too."""
    HOMOGRAPHY = "homography"
    """Perspective: a plane seen from two places, or any scene seen from one."""
    EPIPOLAR = "epipolar"
    """A scene with depth: a point of one photo has a line in the other."""


PLANAR = (Model.SIMILARITY, Model.AFFINE, Model.HOMOGRAPHY)
"""The models that map a point to a point, simplest first."""

FROM_OPENCV: Float64Array = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
"""From OpenCV's pixels, whose centres are whole numbers, to COLMAP's."""

_GENERATORS = {
    # x and y of the row and column that each parameter of a step changes, and by how much.
    Model.SIMILARITY: (((0, 0, 1), (1, 1, 1)), ((0, 1, -1), (1, 0, 1)), ((0, 2, 1),), ((1, 2, 1),)),
    Model.AFFINE: tuple(((row, column, 1),) for column in range(3) for row in range(2)),
    Model.HOMOGRAPHY: (
        *(((row, column, 1),) for column in range(3) for row in range(2)),
        ((2, 0, 1),),
        ((2, 1, 1),),
    ),
}


def generators(model: Model) -> Float64Array:
    """Return (k, 3, 3): a step of parameters p is `I + sum of p[i] * generators[i]`."""
    entries = _GENERATORS[model]
    matrices = np.zeros((len(entries), 3, 3))
    for matrix, changes in zip(matrices, entries, strict=True):
        for row, column, value in changes:
            matrix[row, column] = value
    return matrices


@dataclass(frozen=True, slots=True)
class Frame:
    """Coordinates in which the parameters of a step are of one size: pixels less `center`, over `scale`."""

    center: tuple[float, float]
    scale: float
    """Pixels to a unit."""

    @classmethod
    def of(cls, size: tuple[int, int]) -> Frame:
        """Return the frame of an image of that width and height: its corners lie at distance 1."""
        width, height = size
        return cls((width / 2, height / 2), float(np.hypot(width, height) / 2))

    def normalise(self, xy: Float64Array) -> Float64Array:
        """Return (N, 2) positions in this frame."""
        positions: Float64Array = (xy - np.array(self.center)) / self.scale
        return positions

    def step(self, model: Model, parameters: Float64Array) -> Float64Array:
        """Return the 3x3 matrix of a small step, for pixels."""
        into, back = self._matrices()
        inner = np.eye(3) + np.tensordot(parameters, generators(model), 1)
        return np.asarray(back @ inner @ into, np.float64)

    def directions(self, model: Model) -> Float64Array:
        """Return (k, 3, 3): the derivative of `step` with respect to each parameter."""
        into, back = self._matrices()
        derivative: Float64Array = back @ generators(model) @ into
        return derivative

    def jacobian(self, model: Model, xy: Float64Array) -> Float64Array:
        """Return (N, 2, k): how each parameter of a step moves pixels of image 2 at `xy` (N, 2), in pixels."""
        u, v = self.normalise(xy).T
        zero, one = np.zeros_like(u), np.ones_like(u)
        if model is Model.SIMILARITY:
            columns = [(u, v), (-v, u), (one, zero), (zero, one)]
        else:
            columns = [(u, zero), (zero, u), (v, zero), (zero, v), (one, zero), (zero, one)]
        if model is Model.HOMOGRAPHY:
            columns += [(-u * u, -u * v), (-u * v, -v * v)]
        jacobian: Float64Array = self.scale * np.stack([np.stack(pair, axis=-1) for pair in columns], axis=-1)
        return jacobian

    def _matrices(self) -> tuple[Float64Array, Float64Array]:
        x, y = self.center
        into = np.array([[1, 0, -x], [0, 1, -y], [0, 0, self.scale]]) / self.scale
        back = np.array([[self.scale, 0, x], [0, self.scale, y], [0, 0, 1.0]])
        return into, back


def normalised(matrix: npt.ArrayLike) -> Float64Array:
    """Return a homography scaled so that its last entry is 1, or to length 1 where that entry is about 0."""
    array = np.asarray(matrix, np.float64)
    length = float(np.linalg.norm(array))
    return array / array[2, 2] if abs(array[2, 2]) > 1e-12 * length else array / length


def map_points(matrix: Float64Array, xy: npt.ArrayLike) -> Float64Array:
    """Return where a homography takes (N, 2) positions; infinite where one lies on its horizon."""
    x, y = np.asarray(xy, np.float64).T
    mapped = np.empty((len(x), 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / _depth(matrix, x, y)
        # Written out: a product of matrices this narrow costs many times more than its arithmetic.
        mapped[:, 0] = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) * scale
        mapped[:, 1] = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) * scale
    return mapped


def derivative_at(matrix: Float64Array, xy: npt.ArrayLike) -> Float64Array:
    """Return (N, 2, 2): how the mapped position changes with the position, at each of (N, 2)."""
    x, y = np.asarray(xy, np.float64).T
    mapped = map_points(matrix, xy)
    with np.errstate(divide="ignore", invalid="ignore"):
        derivative: Float64Array = (matrix[None, :2, :2] - mapped[:, :, None] * matrix[None, None, 2, :2]) / _depth(
            matrix, x, y
        )[:, None, None]
    return derivative


def is_in_front(matrix: Float64Array, xy: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return (N,): whether a position lies on the side of the horizon on which the image keeps its handedness."""
    x, y = np.asarray(xy, np.float64).T
    return _depth(matrix, x, y) * float(np.sign(np.linalg.det(matrix))) > 0


def inverse_of(matrix: Float64Array) -> Float64Array:
    """Return the transform from image 2 to image 1."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _depth(matrix: Float64Array, x: Float64Array, y: Float64Array) -> Float64Array:
    depth: Float64Array = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    return depth


def corners_of(size: tuple[int, int]) -> Float64Array:
    """Return (4, 2): the outer corners of an image, clockwise from the top left."""
    width, height = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def scaling(from_size: tuple[int, int], to_size: tuple[int, int]) -> Float64Array:
    """Return the 3x3 matrix of a resize."""
    return np.diag([to_size[0] / from_size[0], to_size[1] / from_size[1], 1.0])


def nearest_similarity(matrix: Float64Array, xy: Float64Array) -> Float64Array:
    """Return the similarity that moves (N, 2) positions as `matrix` does, in the least-squares sense."""
    target = map_points(matrix, xy)
    center, target_center = xy.mean(axis=0), target.mean(axis=0)
    x, y = (xy - center).T
    target_x, target_y = (target - target_center).T
    length = float((x * x + y * y).sum())
    a = float((x * target_x + y * target_y).sum()) / length
    b = float((x * target_y - y * target_x).sum()) / length
    linear = np.array([[a, -b], [b, a]])
    shift = target_center - linear @ center
    return np.vstack([np.column_stack([linear, shift]), [0.0, 0.0, 1.0]])
