"""The similarity that lays one set of points onto another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recon.core.arrays import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Similarity:
    """Scale, rotation and translation: `target = scale * rotation @ source + translation`."""

    scale: float
    rotation: FloatArray
    """(3, 3) float64."""

    translation: FloatArray
    """(3,) float64."""

    def apply(self, points: FloatArray) -> FloatArray:
        """Return (N, 3) points carried over."""
        carried: FloatArray = self.scale * points @ self.rotation.T + self.translation
        return carried


def align(source: FloatArray, target: FloatArray) -> Similarity:
    """Return the similarity with the least sum of squared distances (Umeyama, 1991).

    Args:
        source: (N, 3) points; where all are one, the scale is 0.
        target: (N, 3) the place of each.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centered_source, centered_target = source - source_mean, target - target_mean
    left, singular_values, right = np.linalg.svd(centered_target.T @ centered_source / len(source))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])  # no mirror
    rotation = left * signs @ right
    variance = (centered_source**2).sum() / len(source)
    scale = float(singular_values @ signs / variance) if variance > 0 else 0.0
    return Similarity(scale, rotation, target_mean - scale * rotation @ source_mean)
