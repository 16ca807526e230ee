"""Lays a model onto the GPS positions of its photos, wrong ones set aside, or says why that cannot be trusted.

GPS tells the horizontal well and the height badly, and people walk along lines: so the upward direction, which a model
tells by itself, counts as a measurement, and positions fix scale, heading and place. Where positions fill space well
enough to tell up better (a drone's flight) and contradict that direction, they win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from recon.core.arrays import FloatArray
from recon.core.counting import counted
from recon.georeference.similarity import (
    Errors,
    Measured,
    Similarity,
    free_similarity,
    level_similarity,
    refine_similarity,
)
from recon.georeference.upright import Upright

_Chosen = NDArray[np.bool_]

MAX_SCALE_ERROR = 0.5
"""Beyond it positions spread too little, for their accuracy, to tell lengths at all."""
MAX_PAIR_SCALE_ERROR = 0.25
"""Likewise of two photos, where nothing checks either."""
MIN_EXPLAINED = 0.75
"""Of the positions' variance: what a right model explains far better, and a wrong one does not."""
MIN_INLIER_SHARE = 0.5
_MAX_SIGMAS = 4.0
"""Of a position's standard error: receivers between houses are off by more, more often than a bell curve has it."""
_MAX_SPREAD_M = 100_000.0
"""No set of overlapping photos covers more; positions that do are absurd."""
_MAX_TILT_DEG = 20.0
"""A direction less sure than this is not known."""
_ALL_PAIRS_UP_TO = 60
_DRAWS = 2000
_ROUNDS = 5


class NotTrusted(Exception):
    """The positions and the model do not go together; says why, in a sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class GpsFit:
    """A model laid onto positions."""

    similarity: Similarity
    errors: Errors
    is_inlier: _Chosen
    """(N,): positions that it rests on."""
    horizontal_m: FloatArray
    """(N,) distances of the photos from their positions, seen from above."""
    vertical_m: FloatArray
    """(N,) how much higher the photos lie."""


def fit_gps(centers: FloatArray, positions: FloatArray, sigmas: FloatArray, upright: Upright) -> GpsFit:
    """Return the change of frame to east, north and up that the positions bear out.

    Args:
        centers: (N, 3) in the model.
        positions: (N, 3) metres.
        sigmas: (N, 3) standard errors of those.

    Raises:
        NotTrusted: Too few, too close together for their accuracy, or not where the model has its photos.
    """
    if len(centers) < 2:
        raise NotTrusted(f"{counted(len(centers), 'photo')} of the model has GPS, and at least 2 are needed")
    measured = Measured(centers, positions, sigmas)
    level, free = None, _free_fit(measured)
    if upright.error_deg <= _MAX_TILT_DEG:
        with_up = Measured(centers, positions, sigmas, upright.up, float(np.radians(upright.error_deg)))
        level = _level_fit(with_up)
    fit = free if level is None or (free is not None and _contradict(free, level, upright)) else level
    if fit is None:
        raise NotTrusted(
            "positions on a line do not tell which way is up, and neither do the photos"
            if _spread(positions) > 0.01
            else "all photos tell the same position"
        )
    _check(fit, measured)
    return fit


def _level_fit(measured: Measured) -> GpsFit | None:
    """Return the best fit that starts upright, from two photos at a time."""
    upright = level_similarity(replace(measured, positions=measured.centers), np.ones(len(measured.centers)))
    if upright is None:
        return None
    flat = (measured.centers @ upright.rotation.T) @ (1, 1j, 0)
    wanted = measured.positions @ (1, 1j, 0)
    best: tuple[float, _Chosen] | None = None
    for first, second in _pairs(len(flat)):
        along = flat[second] - flat[first]
        if abs(along) == 0:
            continue
        turn = (wanted[second] - wanted[first]) / along
        apart = np.abs(turn * (flat - flat[first]) + wanted[first] - wanted)
        cost, is_near = _score(apart / measured.sigmas[:, 0])
        if turn != 0 and (best is None or cost < best[0]):
            best = cost, is_near
    return None if best is None else _settled(measured, best[1], level_similarity)


def _free_fit(measured: Measured) -> GpsFit | None:
    """Return the best fit by positions alone, from three photos at a time; None where they do not tell up."""
    count = len(measured.centers)
    if count < 3:
        return None
    random = np.random.default_rng(0)
    triples = list(combinations(range(count), 3)) if count <= 12 else random.integers(count, size=(_DRAWS // 2, 3))
    best: tuple[float, _Chosen] | None = None
    for triple in triples:
        rows = np.array(triple)
        similarity = free_similarity(measured.only(rows), np.ones(3)) if len(set(rows.tolist())) == 3 else None
        if similarity is None:
            continue
        apart = np.linalg.norm((similarity(measured.centers) - measured.positions) / measured.sigmas, axis=1)
        cost, is_near = _score(apart)
        if best is None or cost < best[0]:
            best = cost, is_near
    fit = None if best is None else _settled(measured, best[1], free_similarity)
    return fit if fit is not None and fit.errors.tilt_deg <= _MAX_TILT_DEG else None


def _pairs(count: int) -> list[tuple[int, int]]:
    if count <= _ALL_PAIRS_UP_TO:
        return list(combinations(range(count), 2))
    return [(int(first), int(second)) for first, second in np.random.default_rng(0).integers(count, size=(_DRAWS, 2))]


def _score(sigmas_apart: FloatArray) -> tuple[float, _Chosen]:
    """Return the truncated squares' sum, and (N,) which lie near (MSAC, Torr and Zisserman 2000)."""
    return float(np.minimum(sigmas_apart**2, _MAX_SIGMAS**2).sum()), sigmas_apart <= _MAX_SIGMAS


def _settled(
    measured: Measured, is_near: _Chosen, solve: Callable[[Measured, FloatArray], Similarity | None]
) -> GpsFit | None:
    """Return the fit to the positions near it, which are found anew until they stay the same."""
    fit: GpsFit | None = None
    for _ in range(_ROUNDS):
        if is_near.sum() < 2:
            return fit
        inliers = measured.only(is_near)
        start = solve(inliers, inliers.sigmas[:, 0] ** -2)
        if start is None:
            return fit
        similarity, errors = refine_similarity(start, inliers)
        offsets = similarity(measured.centers) - measured.positions
        across = np.linalg.norm(offsets[:, :2], axis=1)
        fit = GpsFit(similarity, errors, is_near, across, offsets[:, 2])
        before, is_near = is_near, across <= _MAX_SIGMAS * measured.sigmas[:, 0]
        if (before == is_near).all():
            break
    return fit


def _contradict(free: GpsFit, level: GpsFit, upright: Upright) -> bool:
    """Say whether the positions are sure of another direction up than the photos tell."""
    cosine = float((free.similarity.rotation @ upright.up)[2])
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    sure = float(np.hypot(free.errors.tilt_deg, upright.error_deg))
    return angle > max(3 * sure, 15.0) and free.is_inlier.sum() >= level.is_inlier.sum()


def _check(fit: GpsFit, measured: Measured) -> None:
    used = measured.only(fit.is_inlier)
    num_used, count = len(used.centers), len(measured.centers)
    spread, accuracy = _spread(used.positions), float(np.median(used.sigmas[:, 0]))
    most = MAX_PAIR_SCALE_ERROR if num_used == 2 else MAX_SCALE_ERROR
    if not fit.errors.scale <= most:
        raise NotTrusted(
            f"the positions spread by {spread:.1f} m only, at an accuracy of {accuracy:.1f} m: lengths would be "
            f"uncertain by {min(100 * fit.errors.scale, 999):.0f} %"
        )
    if spread > _MAX_SPREAD_M:
        raise NotTrusted(f"the positions are absurd, {spread / 1000:,.0f} km from their middle (root mean square)")
    if num_used < max(min(count, 3), MIN_INLIER_SHARE * count):
        raise NotTrusted(f"{num_used} of {count} positions only lie where the model has their photos")
    explained = 1 - float(np.sum(fit.horizontal_m[fit.is_inlier] ** 2)) / max(num_used * spread**2, 1e-9)
    if explained < MIN_EXPLAINED:
        off = float(np.median(fit.horizontal_m[fit.is_inlier]))
        raise NotTrusted(f"the photos lie {off:.1f} m from their positions (median), which spread by {spread:.1f} m")


def _spread(positions: FloatArray) -> float:
    """Return the root mean square distance from the middle, seen from above, in metres."""
    flat = positions[:, :2]
    return float(np.sqrt(np.mean(np.sum((flat - flat.mean(axis=0)) ** 2, axis=1))))
