"""At which gate each pair stops that a model could begin with, step by step of the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pycolmap

from recon.engine.diagnosis.copies import median_shift
from recon.engine.diagnosis.record import MatchRecord, Pair, VerifiedMatches, read_verified
from recon.engine.diagnosis.turning import turn_deg
from recon.engine.ladder import LADDER, Step

_MOST_PAIRS = 20
"""Pairs that are looked at, those with the most inliers."""


@dataclass(frozen=True, slots=True)
class PairGates:
    """What the gates measure of one verified pair."""

    image1: str
    image2: str
    matches: int
    inliers: int
    angle_deg: float
    """Median triangulation angle; 0 where no point could be triangulated."""
    forward_motion: float
    """Cosine between the baseline and the viewing direction: 1 is straight ahead."""
    shift: float
    """Median shift of the matches, as a share of the width; 0 is the same picture."""
    turn_deg: float | None = None
    """By how much the camera turned, where turning on the spot explains the pair, whatever the focal length."""

    def gate(self, step: Step) -> str | None:
        """Return the first demand of a step that the pair does not meet: inliers, forward motion or angle."""
        if self.inliers < step.min_num_inliers:
            return "inliers"
        if self.forward_motion > step.max_forward_motion:
            return "forward motion"
        return "angle" if self.angle_deg < step.min_angle_deg else None

    def describe(self) -> str:
        """Return the numbers for people."""
        turned = "" if self.turn_deg is None else f", turned by {self.turn_deg:.1f} deg"
        return (
            f"{self.image1} - {self.image2}: {self.inliers} inliers, {self.angle_deg:.1f} deg, "
            f"forward motion {self.forward_motion:.2f}{turned}"
        )


def measure_best_pairs(record: MatchRecord) -> list[PairGates]:
    """Return what the gates say of the pairs with the most inliers, those first."""
    pairs = sorted(record.num_inliers, key=lambda pair: (-record.num_inliers[pair], pair))[:_MOST_PAIRS]
    return [_measure(pair, record, verified) for pair, verified in read_verified(record.database, pairs).items()]


def _measure(pair: Pair, record: MatchRecord, verified: VerifiedMatches) -> PairGates:
    geometry = verified.geometry
    pycolmap.estimate_two_view_geometry_pose(
        verified.camera1, verified.keypoints1, verified.camera2, verified.keypoints2, geometry
    )
    forward = 0.0
    if geometry.cam2_from_cam1 is not None:
        baseline = np.asarray(geometry.cam2_from_cam1.translation)
        forward = float(abs(baseline[2]) / max(float(np.linalg.norm(baseline)), 1e-12))
    return PairGates(
        *pair,
        matches=record.num_matches.get(pair, len(verified.rows)),
        inliers=len(verified.rows),
        angle_deg=float(np.degrees(max(geometry.tri_angle, 0.0))),
        forward_motion=forward,
        shift=median_shift(verified),
        turn_deg=turn_deg(verified),
    )


def ladder_tried(pairs: Sequence[PairGates]) -> dict[str, Any]:
    """Return the steps of the ladder with what each asked for, and the best pairs with their gates, as JSON."""
    steps = [
        {
            "step": step.name,
            "min_inliers": step.min_num_inliers,
            "min_angle_deg": step.min_angle_deg,
            "max_forward_motion": step.max_forward_motion,
            "pairs_that_pass": sum(pair.gate(step) is None for pair in pairs),
        }
        for step in LADDER
    ]
    measured = [
        {
            **asdict(pair),
            "angle_deg": round(pair.angle_deg, 2),
            "forward_motion": round(pair.forward_motion, 3),
            "shift": round(pair.shift, 5),
            "turn_deg": None if pair.turn_deg is None else round(pair.turn_deg, 2),
            "gate": pair.gate(LADDER[-1]),
        }
        for pair in pairs
    ]
    return {"steps": steps, "best_pairs": measured}
