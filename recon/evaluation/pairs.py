"""Matches of photo pairs against the truth: how right they are, and the pose that follows from them.

Positions are pixels of the photo that a view's camera speaks of, COLMAP origin: resize the views to what the
extractor saw, and a threshold in pixels means the same for every set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.data import ImagePair, PairPositions
from recon.evaluation.pairs_pose import relative_pose
from recon.evaluation.pairs_truth import View, read_views
from recon.evaluation.poses import UNREGISTERED_DEG, area_under_recall, pair_errors
from recon.evaluation.truth import Pose

__all__ = [
    "EstimatePose",
    "PairScore",
    "PairsSummary",
    "View",
    "pairs_at_steps",
    "read_views",
    "relative_pose",
    "sampson_distances",
    "score_pair",
    "score_pairs",
    "summarise_pairs",
]

THRESHOLDS_DEG = (1, 2, 5, 10)
RIGHT_PX = 1.5
"""A match is right up to this Sampson distance from the true epipolar geometry."""

EstimatePose = Callable[[PairPositions, View, View], Pose | None]
"""Returns `cam2_from_cam1` up to scale, None where the matches support none."""


@dataclass(frozen=True, slots=True, eq=False)
class PairScore:
    """How the matches of one pair compare with the truth."""

    pair: ImagePair
    matches: int
    sampson_px: FloatArray
    """(M,) distance of each match from the true epipolar geometry."""

    pose_error_deg: float
    """The larger of the angles between the rotations and between the directions of the translations; 180 without
    a pose."""

    @property
    def precision(self) -> float:
        """Share of right matches; 0 where there is no match."""
        return float(np.mean(self.sampson_px <= RIGHT_PX)) if self.matches else 0.0


@dataclass(frozen=True, slots=True)
class PairsSummary:
    """The scores of many pairs."""

    pairs: int
    auc_deg: Mapping[str, float]
    """Threshold in degrees -> area under the recall-over-error curve up to it, in percent."""

    median_error_deg: float
    matches: float
    """Mean of the pairs."""

    precision: float
    """Mean share of right matches of the pairs, in percent."""

    median_sampson_px: float
    """Median over the pairs of the median over a pair's matches; infinite where most pairs have none."""

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def pairs_at_steps(names: Iterable[str], steps: Iterable[int]) -> list[ImagePair]:
    """Return the pairs of names that lie so many places apart in their order."""
    ordered = sorted(names)
    return [ImagePair(*two) for step in sorted(set(steps)) for two in zip(ordered, ordered[step:], strict=False)]


def score_pairs(
    positions: Mapping[ImagePair, PairPositions], views: Mapping[str, View], estimate: EstimatePose = relative_pose
) -> list[PairScore]:
    """Return the score of every pair, in the order given."""
    return [score_pair(pair, found, views, estimate) for pair, found in positions.items()]


def score_pair(
    pair: ImagePair, positions: PairPositions, views: Mapping[str, View], estimate: EstimatePose = relative_pose
) -> PairScore:
    """Return the score of one pair's matches."""
    view1, view2 = views[pair.name1], views[pair.name2]
    return PairScore(
        pair,
        len(positions.xy1),
        sampson_distances(positions, view1, view2),
        _pose_error_deg(estimate(positions, view1, view2), view1, view2),
    )


def summarise_pairs(scores: Sequence[PairScore]) -> PairsSummary:
    """Return the means and areas of some pairs; a pair counts as often as it is there.

    Raises:
        ValueError: There is no pair.
    """
    if not scores:
        raise ValueError("no pair to summarise")
    errors = np.array([score.pose_error_deg for score in scores])
    medians = [float(np.median(score.sampson_px)) if score.matches else np.inf for score in scores]
    return PairsSummary(
        pairs=len(scores),
        auc_deg={f"{threshold:g}": 100 * area_under_recall(errors, threshold) for threshold in THRESHOLDS_DEG},
        median_error_deg=float(np.median(errors)),
        matches=float(np.mean([score.matches for score in scores])),
        precision=100 * float(np.mean([score.precision for score in scores])),
        median_sampson_px=float(np.median(medians)),
    )


def sampson_distances(positions: PairPositions, view1: View, view2: View) -> FloatArray:
    """Return (M,) pixels: to first order, the least move of both positions that makes them correspond.

    Sampson's distance, of the positions without distortion; infinite where the camera sees nothing there.
    """
    ones = np.ones((len(positions.xy1), 1))
    points1 = np.hstack([view1.undistorted(positions.xy1), ones])
    points2 = np.hstack([view2.undistorted(positions.xy2), ones])
    matrix = _fundamental(view1, view2)
    lines1, lines2 = points2 @ matrix, points1 @ matrix.T
    slopes = (lines1[:, :2] ** 2).sum(axis=1) + (lines2[:, :2] ** 2).sum(axis=1)
    # Two photos from one place have no epipolar lines; neither has the epipole itself.
    lengths = np.sqrt(np.maximum(slopes, np.finfo(np.float64).tiny))
    distances: FloatArray = np.abs((lines2 * points2).sum(axis=1)) / lengths
    return np.where(np.isfinite(distances), distances, np.inf)


def _fundamental(view1: View, view2: View) -> FloatArray:
    """Return F with x2^T F x1 = 0."""
    relative = _relative(view1.pose, view2.pose)
    x, y, z = relative.translation
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    fundamental: FloatArray = (
        np.linalg.inv(view2.calibration).T @ cross @ relative.rotation @ np.linalg.inv(view1.calibration)
    )
    return fundamental


def _relative(pose1: Pose, pose2: Pose) -> Pose:
    rotation = pose2.rotation @ pose1.rotation.T
    return Pose(rotation, pose2.translation - rotation @ pose1.translation)


def _pose_error_deg(found: Pose | None, view1: View, view2: View) -> float:
    if found is None:
        return UNREGISTERED_DEG
    start = Pose(np.eye(3), np.zeros(3))
    return float(pair_errors({"1": view1.pose, "2": view2.pose}, {"1": start, "2": found})[0])
