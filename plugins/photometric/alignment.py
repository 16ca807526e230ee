"""Finds many patches at once where they look like their templates: inverse-compositional Gauss-Newton.

Baker and Matthews, "Lucas-Kanade 20 Years On" (IJCV 2004): the derivatives are the template's, so that they and the
normal equations are made once. Patches have zero mean and unit length, and the derivatives are free of both: neither
gain nor offset of an exposure counts. Place and shape (an affine map) are each held to where they began, as far as
the patch does not tell better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .pictures import Picture

FloatArray = npt.NDArray[np.floating[Any]]

_SPREAD = 0.6
"""Standard deviation of the weights, in radii: the middle of a patch is on the keypoint's surface most likely."""
_MIN_CONTRAST = 0.5
"""Grey values; below it there is noise alone, and it is not amplified."""
_MAX_ITERATIONS = 12
_MAX_STEP_PX = 2.0
"""What one iteration may move; the derivatives tell nothing about what is further away."""
_CONVERGED_PX = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The places of a patch around its centre, with weights that fall off from it."""

    radius: int
    steps: FloatArray
    """(P, 2) float64, whole steps."""
    roots: FloatArray
    """(P,) float32 square roots of the weights, whose sum is 1."""

    @classmethod
    def of(cls, radius: int) -> Window:
        """Return a square of 2 * radius + 1 places across."""
        steps = square(radius)
        weights = np.exp(-(steps**2).sum(axis=1) / (2 * (_SPREAD * radius) ** 2))
        return cls(radius, steps, np.sqrt(weights / weights.sum()).astype(np.float32))


def square(radius: int) -> FloatArray:
    """Return ((2 * radius + 1)**2, 2) steps from the centre of a square, row by row."""
    across = np.arange(-radius, radius + 1, dtype=np.float64)
    x, y = np.meshgrid(across, across)
    return np.stack([x.ravel(), y.ravel()], axis=1)


@dataclass(frozen=True, slots=True)
class Stiffness:
    """What a change of place (steps) or shape (radii at the edge) costs, squared, against a patch's squared length."""

    place: float
    shape: float


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """N patches with what Gauss-Newton needs of them."""

    rows: FloatArray
    """(N, 7, P) float32: the derivatives by x, y and the four numbers of the shape, and the patch itself. Times the
    weights, so that a product with a bare patch is a weighted sum."""
    inverses: FloatArray
    """(N, 6, 6) of the normal equations, stiffness included."""

    @classmethod
    def of(cls, squares: FloatArray, window: Window, stiffness: Stiffness) -> Templates:
        """Return the templates in (N, S, S) patches that are one place wider than the window on each side."""
        count, roots = len(squares), window.roots
        values = squares[:, 1:-1, 1:-1].reshape(count, -1)
        centred = (values - (values @ roots**2)[:, None]) * roots
        lengths = np.maximum(np.sqrt(np.einsum("np,np->n", centred, centred)), _MIN_CONTRAST)[:, None]
        rows = np.empty((count, 7, len(roots)), np.float32)
        rows[:, 6] = centred / lengths
        rows[:, 0] = (squares[:, 1:-1, 2:] - squares[:, 1:-1, :-2]).reshape(count, -1) * (0.5 * roots / lengths)
        rows[:, 1] = (squares[:, 2:, 1:-1] - squares[:, :-2, 1:-1]).reshape(count, -1) * (0.5 * roots / lengths)
        x, y = (window.steps.T / window.radius).astype(np.float32)
        for row, (axis, along) in enumerate(((0, x), (0, y), (1, x), (1, y)), start=2):
            np.multiply(rows[:, axis], along, out=rows[:, row])
        derivatives = rows[:, :6]
        derivatives -= (derivatives @ roots)[:, :, None] * roots
        derivatives -= (derivatives @ rows[:, 6, :, None]) * rows[:, 6:]
        hessians = (derivatives @ derivatives.transpose(0, 2, 1)).astype(np.float64)
        inverses = np.linalg.inv(hessians + np.diag([stiffness.place] * 2 + [stiffness.shape] * 4))
        rows *= roots
        return cls(rows, inverses)

    def __getitem__(self, rows: npt.NDArray[np.intp]) -> Templates:
        return Templates(self.rows[rows], self.inverses[rows])

    def compare(self, values: FloatArray, window: Window) -> tuple[FloatArray, FloatArray]:
        """Return (N, 6) the slope of the squared difference to (N, P) patches, and (N,) their correlation."""
        weights = window.roots**2
        centred = values - (values @ weights)[:, None]
        contrasts = np.sqrt(np.maximum((centred * centred) @ weights, _MIN_CONTRAST**2))
        products = ((self.rows @ centred[:, :, None])[:, :, 0] / contrasts[:, None]).astype(np.float64)
        return products[:, :6], products[:, 6]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where N patches came to lie."""

    xy: FloatArray
    """(N, 2) full-size pixels of the centres."""
    bends: FloatArray
    """(N,) the largest change of the shape, in parts of it."""
    correlations: FloatArray
    """(N,) normalised cross-correlation at the end, -1 to 1."""
    first_correlations: FloatArray
    """(N,) the same where it began."""


def align(
    templates: Templates, window: Window, picture: Picture, xy: FloatArray, shapes: FloatArray, stiffness: Stiffness
) -> Alignment:
    """Return where a picture looks like each template, near a place and in about a shape.

    Args:
        xy: (N, 2) full-size pixels.
        shapes: (N, 2, 2) full-size pixels of this picture by step of the template.
    """
    radius, identity = window.radius, np.eye(2)
    home, straight = xy, np.linalg.inv(shapes)
    xy, shapes = xy.copy(), shapes.copy()
    correlations = np.zeros(len(xy))
    active = np.arange(len(xy))
    now = templates
    first = correlations
    for iteration in range(_MAX_ITERATIONS + 1):
        patches = picture.patches(xy[active], shapes[active], window.steps)
        slopes, correlations[active] = now.compare(patches, window)
        if iteration == 0:
            first = correlations.copy()
        if iteration == _MAX_ITERATIONS:
            break
        away = np.linalg.solve(shapes[active], (xy - home)[active][:, :, None])[:, :, 0]
        slopes[:, :2] += stiffness.place * away
        slopes[:, 2:] += stiffness.shape * radius * (straight[active] @ shapes[active] - identity).reshape(-1, 4)
        changes = (now.inverses @ slopes[:, :, None])[:, :, 0]
        lengths = np.abs(changes[:, :2]).max(axis=1)
        changes /= np.maximum(1, lengths / _MAX_STEP_PX)[:, None]
        # The change is the template's: the picture's place and shape take its inverse.
        shapes[active] = shapes[active] @ np.linalg.inv(identity + changes[:, 2:].reshape(-1, 2, 2) / radius)
        xy[active] -= (shapes[active] @ changes[:, :2, None])[:, :, 0]
        is_moving = lengths > _CONVERGED_PX
        if not is_moving.any():
            break
        if not is_moving.all():
            active, now = active[is_moving], now[np.flatnonzero(is_moving)]
    bends = np.abs(straight @ shapes - identity).max(axis=(1, 2), initial=0.0)
    return Alignment(xy, bends, correlations, first)
