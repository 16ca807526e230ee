"""How far two models of the same photos are from each other, whatever the frame of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.evaluation.colmap_truth import poses_of
from recon.evaluation.truth import Pose

if TYPE_CHECKING:
    import pycolmap

MOST_ROTATION_DEG = 0.05
MOST_CENTER_SHARE = 0.001
"""What a run with several threads promises to keep, of the scene's size."""


@dataclass(frozen=True, slots=True)
class ModelDifference:
    """Two best models, then and now."""

    registered: tuple[int, int]
    """Photos, then and now."""
    only_then: tuple[str, ...]
    """Photos that were registered only then."""
    only_now: tuple[str, ...]
    rotation_deg: float | None
    """Largest angle between the two rotations of a photo; None where no two photos are in both."""
    center_share: float | None
    """Largest distance between the two centres of a photo, as part of the scene: of the box around all centres."""
    points: tuple[int, int]

    @property
    def is_within_tolerance(self) -> bool:
        """Whether the same photos are registered, at poses as near as several threads promise."""
        if self.only_then or self.only_now:
            return False
        if self.rotation_deg is None or self.center_share is None:
            return True
        return self.rotation_deg <= MOST_ROTATION_DEG and self.center_share <= MOST_CENTER_SHARE


def compare_models(then: pycolmap.Reconstruction, now: pycolmap.Reconstruction) -> ModelDifference:
    """Return how the poses of two models differ once the second is laid onto the first."""
    poses_then, poses_now = poses_of(then), poses_of(now)
    rotation_deg, center_share = _largest_differences(poses_then, poses_now)
    return ModelDifference(
        registered=(len(poses_then), len(poses_now)),
        only_then=tuple(sorted(poses_then.keys() - poses_now.keys())),
        only_now=tuple(sorted(poses_now.keys() - poses_then.keys())),
        rotation_deg=rotation_deg,
        center_share=center_share,
        points=(then.num_points3D(), now.num_points3D()),
    )


def _largest_differences(then: Mapping[str, Pose], now: Mapping[str, Pose]) -> tuple[float | None, float | None]:
    names = sorted(then.keys() & now.keys())
    if len(names) < 2:
        return None, None
    rotations_then = np.array([then[name].rotation for name in names])
    rotations_now = np.array([now[name].rotation for name in names])
    # The rotations tell how the worlds lie, also where all centres are on one line.
    world = _mean_rotation(rotations_then.transpose(0, 2, 1) @ rotations_now)
    turned = rotations_now @ world.T @ rotations_then.transpose(0, 2, 1)
    chords = np.linalg.norm(turned - np.eye(3), axis=(1, 2)) / (2 * np.sqrt(2))
    centers_then = np.array([then[name].center for name in names])
    centers_now = np.array([now[name].center for name in names]) @ world.T
    centers_then -= centers_then.mean(axis=0)
    centers_now -= centers_now.mean(axis=0)
    variance = float((centers_now**2).sum())
    scale = float((centers_then * centers_now).sum()) / variance if variance else 1.0
    distances = np.linalg.norm(scale * centers_now - centers_then, axis=1)
    size = float(np.linalg.norm(np.ptp(centers_then, axis=0)))
    share = float(distances.max()) / size if size else 0.0
    return float(np.degrees(2 * np.arcsin(np.minimum(chords, 1.0))).max()), share


def _mean_rotation(rotations: FloatArray) -> FloatArray:
    """Return the rotation with the least sum of squared chords to (N, 3, 3) rotations."""
    left, _, right = np.linalg.svd(rotations.sum(axis=0))
    mean: FloatArray = left * np.array([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    return mean
