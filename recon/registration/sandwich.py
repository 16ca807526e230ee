"""The covariance of an estimate from many pixels whose errors belong together.

Neighbouring pixels share the blur, the interpolation and what the model does not explain. The scores are
therefore summed over blocks before they are squared (a cluster-robust sandwich, Liang and Zeger 1986); pixel by
pixel the errors would seem independent, and the estimate far better than it is.
"""

from __future__ import annotations

import numpy as np

from recon.registration.planar import Float64Array
from recon.registration.pyramid import Level

_BLOCK_PX = 16
"""Side of a block in pixels of the level: many times the blur."""


def sandwich(normal: Float64Array, scores: Float64Array, xy: Float64Array, level: Level) -> Float64Array:
    """Return the (k, k) covariance of parameters.

    Args:
        normal: (k, k) curvature of the cost.
        scores: (N, k) what each pixel contributes to its gradient.
        xy: (N, 2) where the pixels lie in the full image of `level`.
    """
    width, _ = level.size
    blocks_across = width // _BLOCK_PX + 1
    column, row = (xy * np.array(level.scale) / _BLOCK_PX).astype(np.intp).T
    _, block = np.unique(row * blocks_across + column, return_inverse=True)
    count = int(block.max()) + 1
    sums = np.stack([np.bincount(block, each, count) for each in scores.T], axis=1)
    bread = np.linalg.pinv(normal, hermitian=True)
    covariance: Float64Array = bread @ (sums.T @ sums) @ bread * (count / max(1, count - scores.shape[1]))
    return covariance
