"""The steps in which the demands on a model's first pair are relaxed, strict first.

pycolmap's defaults refuse small sets; the first step is pycolmap's own, and each later one gives up one
thing, by name, so that a run can say which step made its model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from recon.engine.view_graph import ViewGraph


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked of the two photos that a model begins with."""

    name: str
    min_num_inliers: int
    min_angle_deg: float
    """Median triangulation angle of the pair's points."""
    max_forward_motion: float = 0.95
    """Cosine between the baseline and the viewing direction, above which a pair is refused."""
    min_pose_inliers: int = 30
    """2D-3D correspondences that each further photo must keep."""
    two_view_tracks: bool = False
    """Whether points seen by two photos alone count. pycolmap leaves them out: in a large set they add little
    but wrong matches; between a handful of photos they may be all there is."""
    refines_distortion: bool = True
    """Whether lens distortion is estimated: a few dozen points in two photos cannot tell it from depth."""

    def for_the_rest(self) -> Step:
        """Return this step with lower demands on further photos, for those that stayed out of its model."""
        return replace(self, two_view_tracks=True, min_pose_inliers=min(self.min_pose_inliers, 20))


LADDER = (
    Step("strict", min_num_inliers=100, min_angle_deg=16.0),  # pycolmap's defaults
    Step("half the inliers", min_num_inliers=50, min_angle_deg=16.0),
    Step("half the angle", min_num_inliers=50, min_angle_deg=8.0),
    Step("two-view tracks", min_num_inliers=50, min_angle_deg=4.0, two_view_tracks=True, refines_distortion=False),
    Step(
        "few inliers",
        min_num_inliers=30,
        min_angle_deg=4.0,
        min_pose_inliers=20,
        two_view_tracks=True,
        refines_distortion=False,
    ),
    Step(
        "forward motion",
        min_num_inliers=30,
        min_angle_deg=2.0,
        max_forward_motion=1.0,
        min_pose_inliers=20,
        two_view_tracks=True,
        refines_distortion=False,
    ),
)

FEW_IMAGES = 30
FEW_MATCHED_KEYPOINTS = 1000
"""Keypoints of an image that verified matches reach, below which no point can be spared."""


def ladder_for(graph: ViewGraph) -> tuple[Step, ...]:
    """Return the ladder; in a small set with few matches, points that two photos see count from the first step on.

    Half of all points of ten photos of visitors' cameras were seen by two: with them AUC@3 rose by 7 points.
    """
    num_images = len(graph.image_ids)
    matched = np.unique(np.concatenate([rows.ravel() for rows in graph.matches])) if graph.matches else ()
    if num_images > FEW_IMAGES or len(matched) >= FEW_MATCHED_KEYPOINTS * num_images:
        return LADDER
    return tuple(replace(step, two_view_tracks=True) for step in LADDER)
