"""The frame of a model: by GPS where that can be trusted, else upright, else as the mapper left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.frame import FrameChoice, FrameSource, ModelFrame, Units
from recon.georeference.fixes import GpsFixes
from recon.georeference.gps_fit import GpsFit, NotTrusted, fit_gps
from recon.georeference.similarity import Similarity, rotation_to_z
from recon.georeference.upright import Upright, estimate_up

if TYPE_CHECKING:
    import pycolmap

MAX_UP_ERROR_DEG = 10.0
"""Up is turned to +z where it is known better than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """How to bring a model into its frame."""

    frame: ModelFrame
    similarity: Similarity | None
    """From the model as it is; None where it stays."""
    notes: tuple[str, ...] = ()
    """What there is to tell."""
    warning: str = ""
    """What was asked for and could not be had."""


def choose_frame(
    model: pycolmap.Reconstruction, choice: FrameChoice, fixes: GpsFixes | None, orientations: Mapping[str, int]
) -> Framing:
    """Return the frame that a model gets.

    Args:
        fixes: Where photos were taken; None where no photo says.
        orientations: EXIF orientation by image name.
    """
    if choice is FrameChoice.MODEL or model.num_reg_images() == 0:
        return Framing(ModelFrame(), None)
    upright = estimate_up(model, orientations)
    reason = "no photo has GPS"
    if fixes is not None and choice is not FrameChoice.UPRIGHT:
        try:
            return _by_gps(model, fixes, upright)
        except NotTrusted as error:
            reason = str(error)
    notes = (f"GPS is not used: {reason}",) if fixes is not None and choice is FrameChoice.AUTO else ()
    warning = f"the model has no metres: {reason}" if choice is FrameChoice.GPS else ""
    if upright.error_deg > MAX_UP_ERROR_DEG:
        if choice is FrameChoice.UPRIGHT:
            warning = "which way is up cannot be told from how the photos were held; the model stays as it was mapped"
        return Framing(ModelFrame(), None, notes, warning)
    frame = ModelFrame(
        source=FrameSource.UPRIGHT,
        is_z_up=True,
        up_error_deg=round(upright.error_deg, 2),
        facts={"planes": upright.planes},
    )
    found = f"and {upright.planes} walls or floors" if upright.planes else "alone"
    told = f"frame: +z is up (± {upright.error_deg:.1f} deg), from how the photos were held {found}; scale is arbitrary"
    return Framing(frame, Similarity(1.0, rotation_to_z(upright.up), np.zeros(3)), (*notes, told), warning)


def _by_gps(model: pycolmap.Reconstruction, fixes: GpsFixes, upright: Upright) -> Framing:
    centers = {image.name: image.projection_center() for image in map(model.image, model.reg_image_ids())}
    names, positions, sigmas = fixes.of(sorted(centers))
    fit = fit_gps(np.array([centers[name] for name in names]).reshape(-1, 3), positions, sigmas, upright)
    used = fit.is_inlier
    wrong = sorted(((float(fit.horizontal_m[row]), names[row]) for row in np.flatnonzero(~used)), reverse=True)
    median, most = float(np.median(fit.horizontal_m[used])), float(fit.horizontal_m[used].max())
    facts = {
        "photos": int(used.sum()),
        "without_gps": len(centers) - len(names),
        "residual_median_m": round(median, 3),
        "residual_max_m": round(most, 3),
        "vertical_median_m": round(float(np.median(np.abs(fit.vertical_m[used]))), 3),
        "heading_error_deg": round(fit.errors.heading_deg, 2),
        "rejected": [{"image": name, "residual_m": round(apart, 1)} for apart, name in wrong],
    }
    frame = ModelFrame(
        Units.GEOGRAPHIC,
        FrameSource.GPS,
        is_z_up=True,
        up_error_deg=round(fit.errors.tilt_deg, 2),
        scale_error=round(_honest_scale_error(fit, sigmas), 4),
        origin=fixes.origin,
        facts=facts,
    )
    notes = [
        f"frame: metres east, north, up by the GPS of {int(used.sum())} photos; they lie {median:.1f} m from it "
        f"(median, at most {most:.1f} m), so that lengths are known to {100 * (frame.scale_error or 0):.2g} %"
    ]
    if wrong:
        some = ", ".join(f"{name} ({_distance(apart)})" for apart, name in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        notes.append(f"GPS not believed, photos lie elsewhere: {some}{more}")
    return Framing(frame, fit.similarity, tuple(notes))


def _honest_scale_error(fit: GpsFit, sigmas: FloatArray) -> float:
    """Return the error of lengths, larger where the positions fit worse than their accuracy promised."""
    used = fit.is_inlier
    freedom = 2 * int(used.sum()) - 4
    if freedom <= 0:
        return fit.errors.scale
    squares = float(np.sum((fit.horizontal_m[used] / sigmas[used, 0]) ** 2))
    return fit.errors.scale * max(1.0, float(np.sqrt(squares / freedom)))


def _distance(metres: float) -> str:
    return f"{metres / 1000:,.0f} km" if metres >= 10_000 else f"{metres:.0f} m"
