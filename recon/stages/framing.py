"""What follows mapping: models brought into metres, east, north and up, as far as the photos tell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recon.core.components import MappingOptions
from recon.core.events import Warned
from recon.core.frame import FrameChoice, FrameSource, ModelFrame
from recon.run import Run

if TYPE_CHECKING:
    import pycolmap

    from recon.georeference.choice import Framing
    from recon.georeference.fixes import GpsFixes


def frame_models(
    run: Run, models: Sequence[pycolmap.Reconstruction], options: MappingOptions
) -> tuple[list[pycolmap.Reconstruction], list[ModelFrame]]:
    """Return the models, each moved into its frame, and the frames; the notes speak of the first one."""
    from recon.georeference.fixes import gps_fixes

    if run.prior_poses is not None and run.plan.world == FrameChoice.AUTO:
        return list(models), [ModelFrame(source=FrameSource.PRIOR_POSES) for _ in models]
    fixes = gps_fixes(run.usable) if models else None
    orientations = {image.name: image.orientation for image in run.usable} if models else {}
    moved, frames = [], []
    for number, found in enumerate(models):
        model, framing = _framed(run, found, fixes, orientations)
        if run.plan.gps_prior and fixes is not None and framing.frame.source is FrameSource.GPS:
            model, framing = _adjusted(run, model, framing, fixes, orientations, options)
        elif run.plan.gps_prior and number == 0:
            run.observer(Warned(message="--gps-prior has no effect: the model does not stand where GPS puts it"))
        if number == 0:
            _tell(run, framing)
        moved.append(model)
        frames.append(framing.frame)
    return moved, frames


def _framed(
    run: Run, model: pycolmap.Reconstruction, fixes: GpsFixes | None, orientations: Mapping[str, int]
) -> tuple[pycolmap.Reconstruction, Framing]:
    from recon.georeference.choice import choose_frame
    from recon.georeference.similarity import move_model

    framing = choose_frame(model, FrameChoice(run.plan.world), fixes, orientations)
    if framing.similarity is not None:
        move_model(model, framing.similarity)
    return model, framing


def _adjusted(
    run: Run,
    model: pycolmap.Reconstruction,
    framing: Framing,
    fixes: GpsFixes,
    orientations: Mapping[str, int],
    options: MappingOptions,
) -> tuple[pycolmap.Reconstruction, Framing]:
    """Return the model adjusted to its positions, and upright again: their altitudes tilt it."""
    from recon.engine.position_prior import adjust_to_positions

    wrong = {each["image"] for each in framing.frame.facts["rejected"]}
    positions = {
        name: (fixes.positions[row], fixes.sigmas[row]) for row, name in enumerate(fixes.names) if name not in wrong
    }
    outcome = adjust_to_positions(model, positions, options)
    run.note(f"gps prior: {outcome.describe()}")
    return _framed(run, outcome.model, fixes, orientations) if outcome.is_kept else (model, framing)


def _tell(run: Run, framing: Framing) -> None:
    for message in framing.notes:
        run.note(message)
    if framing.warning:
        run.observer(Warned(message=framing.warning))
