"""The story on one page: from two images to how they are related.

matches -> each model fitted robustly -> the one of least GRIC -> refined by the grey values, coarse to fine.
"""

from __future__ import annotations

import numpy as np

from recon.core.components import ImageMatcher
from recon.core.data import Image
from recon.core.errors import Cause, ReconError
from recon.core.events import Noted, Observer, StageStarted, Warned, ignore
from recon.registration.alike import correlation
from recon.registration.fitting import Fit, covariance_from_matches, fit_model
from recon.registration.matching import find_positions
from recon.registration.options import Refinement, RegistrationOptions
from recon.registration.planar import (
    Float64Array,
    Frame,
    Model,
    corners_of,
    derivative_at,
    inverse_of,
    is_in_front,
    map_points,
    normalised,
    scaling,
)
from recon.registration.refinement import Refined, RefinementStep, refine
from recon.registration.result import Candidate, Likeness, Registration
from recon.registration.scales import scale_pairs
from recon.registration.selection import gric, log10_false_alarms, noise_px

LEAST_INLIERS = 10
_MOST_LOG10_FALSE_ALARMS = -4.0
"""Chance would agree as well in one of ten thousand pairs of photos that show nothing in common."""
_LARGEST_ZOOM = 30.0
_MOST_JUDGED = 200_000
_OVERLAPPING = "give two photos of the same scene that overlap by a third or more"


def register(
    image1: Image,
    image2: Image,
    matcher: ImageMatcher,
    options: RegistrationOptions | None = None,
    observer: Observer = ignore,
) -> Registration:
    """Return how two images are related: how pixels of image 1 map to pixels of image 2.

    Args:
        matcher: Finds corresponding positions; `KeypointMatcher` makes one of an extractor and a matcher.

    Raises:
        ReconError: FEW_KEYPOINTS, NO_MATCHES or NO_VERIFIED_GEOMETRY: the images cannot be registered.
    """
    options = options or RegistrationOptions()
    observer(StageStarted(stage="match", summary=f"{image1.name} and {image2.name}"))
    xy1, xy2 = find_positions(matcher, image1, image2, also_negative=options.refine is Refinement.MI)
    _check_enough(xy1, image1, image2)
    fits = _fit_all(xy1, xy2, image2, options)
    alarms = {
        model: log10_false_alarms(fit, image1.size, image2.size, options.max_error_px) for model, fit in fits.items()
    }
    fits = {model: fit for model, fit in fits.items() if _is_certain(fit, alarms[model], xy1)}
    noise = noise_px(fits)
    scores = gric(fits, noise)
    chosen = _choose(fits, scores, options.model, image1, image2, len(xy1))
    observer(Noted(message=_why(chosen, scores, options)))
    if chosen.model is Model.EPIPOLAR:
        plane, refined, warnings = _dominant_plane(chosen, xy1, xy2, image2, options)
    else:
        plane, warnings = chosen, ()
        refined = _refine(image1, image2, chosen, options, observer)
    frame = Frame.of(image2.size)
    covariance = refined.covariance
    if covariance is None:
        covariance = covariance_from_matches(plane.model, refined.matrix, xy1, xy2, frame, options.max_error_px)
    warnings = (*warnings, *refined.warnings, *_doubts(refined.matrix, image1, image2))
    for warning in warnings:
        observer(Warned(message=warning))
    off = map_points(refined.matrix, xy1[plane.is_inlier]) - xy2[plane.is_inlier]
    return Registration(
        model=chosen.model,
        matrix=normalised(refined.matrix),
        fundamental=chosen.matrix if chosen.model is Model.EPIPOLAR else None,
        size1=image1.size,
        size2=image2.size,
        step_model=plane.model,
        step_covariance=covariance,
        xy1=xy1,
        xy2=xy2,
        is_inlier=chosen.is_inlier,
        rms_px=chosen.rms_px if chosen.model is Model.EPIPOLAR else float(np.sqrt(np.mean(off**2))),
        noise_px=noise,
        candidates={
            model: Candidate(scores[model], fit.num_inliers, fit.rms_px, alarms[model]) for model, fit in fits.items()
        },
        likeness=_likeness(image1, image2, plane.matrix, refined.matrix),
        steps=refined.steps,
        warnings=warnings,
    )


def _fit_all(xy1: Float64Array, xy2: Float64Array, image2: Image, options: RegistrationOptions) -> dict[Model, Fit]:
    frame = Frame.of(image2.size)
    fits = {model: fit_model(model, xy1, xy2, frame, options.max_error_px, options.seed) for model in Model}
    return {model: fit for model, fit in fits.items() if fit is not None}


def _is_certain(fit: Fit, log10_alarms: float, xy1: Float64Array) -> bool:
    """Return whether a fit is no chance, and nothing that a camera cannot do: a fold, a mirror, a huge zoom."""
    if fit.num_inliers < LEAST_INLIERS or log10_alarms > _MOST_LOG10_FALSE_ALARMS:
        return False
    if fit.model is Model.EPIPOLAR:
        return True
    middle = xy1[fit.is_inlier].mean(axis=0, keepdims=True)
    if np.linalg.det(fit.matrix) == 0 or not np.isfinite(fit.residuals[fit.is_inlier]).all():
        return False
    zoom = float(np.linalg.det(derivative_at(fit.matrix, middle))[0])
    return bool(is_in_front(fit.matrix, middle)[0]) and _LARGEST_ZOOM**-2 < zoom < _LARGEST_ZOOM**2


def _choose(
    fits: dict[Model, Fit],
    scores: dict[Model, float],
    wanted: Model | None,
    image1: Image,
    image2: Image,
    num_matches: int,
) -> Fit:
    if wanted is None and fits:
        return fits[min(scores, key=lambda model: scores[model])]
    if wanted in fits:
        return fits[wanted]
    which = "no model" if wanted is None else f"no {wanted}"
    instead = f"; {' and '.join(fits)} would: --model auto chooses" if fits else ""
    raise ReconError(
        f"{image1.name} and {image2.name} cannot be aligned: {which} explains enough of their {num_matches} matches "
        f"to be more than chance",
        code=Cause.NO_VERIFIED_GEOMETRY,
        try_=f"{_OVERLAPPING}{instead}",
    )


def _why(chosen: Fit, scores: dict[Model, float], options: RegistrationOptions) -> str:
    fits = f"{chosen.model}, {chosen.num_inliers} of {len(chosen.is_inlier)} matches fit"
    if options.model is not None:
        return f"model: {fits}; as asked"
    told = ", ".join(f"{model} {score:.0f}" for model, score in sorted(scores.items(), key=lambda item: item[1]))
    return f"model: {fits}; the least GRIC ({told})"


def _refine(image1: Image, image2: Image, fit: Fit, options: RegistrationOptions, observer: Observer) -> Refined:
    if options.refine is Refinement.NONE:
        return Refined(fit.matrix, None, (), ())
    observer(StageStarted(stage="refine", summary=f"{fit.model} by {options.refine}, coarse to fine"))

    def observe(step: RefinementStep) -> None:
        observer(
            Noted(
                message=f"refine: at {step.scale:.3g} of the size, {step.iterations} iterations, "
                f"moved by up to {step.moved_px:.3f} px"
            )
        )

    return refine(image1, image2, fit.model, fit.matrix, options.refine, observe)


def _dominant_plane(
    epipolar: Fit, xy1: Float64Array, xy2: Float64Array, image2: Image, options: RegistrationOptions
) -> tuple[Fit, Refined, tuple[str, ...]]:
    """Return the homography that most of the matches of a scene with depth agree on, not refined, and what that means.

    The grey values would pull it towards whatever else is in the photos.
    """
    rows = np.flatnonzero(epipolar.is_inlier)
    found = fit_model(Model.HOMOGRAPHY, xy1[rows], xy2[rows], Frame.of(image2.size), options.max_error_px, options.seed)
    if found is None or np.linalg.det(found.matrix) == 0:
        raise ReconError(
            "the scene has depth, and no plane in it that could be aligned",
            code=Cause.NO_VERIFIED_GEOMETRY,
            try_="--model homography or similarity aligns it roughly",
        )
    is_inlier = np.zeros(len(xy1), bool)
    is_inlier[rows[found.is_inlier]] = True
    residuals = np.full((len(xy1), 2), np.inf)
    residuals[rows] = found.residuals
    share = found.num_inliers / len(rows)
    warning = (
        f"the scene is not flat: a point of one photo has a line in the other, and no warp aligns all of it; "
        f"the transform is that of the plane on which {found.num_inliers} ({share:.0%}) of the "
        f"{len(rows)} good matches lie, as they have it: grey values of a scene with depth would mislead"
    )
    plane = Fit(Model.HOMOGRAPHY, found.matrix, residuals, is_inlier)
    return plane, Refined(found.matrix, None, (), ()), (warning,)


def _check_enough(xy1: Float64Array, image1: Image, image2: Image) -> None:
    if len(xy1) < LEAST_INLIERS:
        raise ReconError(
            f"{image1.name} and {image2.name} cannot be aligned: only {len(xy1)} places look alike, and "
            f"{LEAST_INLIERS} are needed",
            code=Cause.NO_MATCHES,
            try_=f"{_OVERLAPPING}; `--refine mi` also matches negatives, as other sensors make them",
        )


def _doubts(matrix: Float64Array, image1: Image, image2: Image) -> tuple[str, ...]:
    doubts = []
    corners = corners_of(image1.size)
    if not is_in_front(matrix, corners).all():
        doubts.append("the horizon runs through image 1: part of it has no place in image 2")
    width, height = image2.size
    x, y = np.meshgrid((np.arange(64) + 0.5) * width / 64, (np.arange(64) + 0.5) * height / 64)
    xy2 = np.column_stack([x.ravel(), y.ravel()])
    inverse = inverse_of(matrix)
    xy1 = map_points(inverse, xy2)
    with np.errstate(invalid="ignore"):
        inside = is_in_front(inverse, xy2) & np.all((xy1 >= 0) & (xy1 <= np.array(image1.size)), axis=1)
    share = float(inside.mean())
    if share < 0.1:
        doubts.append(f"image 1 covers only {share:.0%} of image 2: corners outside are extrapolated")
    return tuple(doubts)


def _likeness(image1: Image, image2: Image, matched: Float64Array, refined: Float64Array) -> Likeness:
    def correlated(matrix: Float64Array) -> float:
        return correlation(*scale_pairs(image1, image2, matrix)[-1].overlap(matrix, _MOST_JUDGED))

    return Likeness(correlated(scaling(image1.size, image2.size)), correlated(matched), correlated(refined))
