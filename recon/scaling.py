"""Gives a model metres, by the length between two points that are marked in its photos."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import recon
from recon.core.errors import Cause, UsageError
from recon.core.frame import FrameSource, ModelFrame, Units
from recon.georeference.marked_points import Mark, MarkedPoint, locate_marks
from recon.georeference.similarity import Similarity, move_model
from recon.workspace import Workspace, open_workspace
from recon.workspace.folder import MANIFEST

if TYPE_CHECKING:
    import pycolmap

MAX_SCALE_ERROR = 0.5
MAX_MISFIT = 20.0
"""Times the expected error of a mark: beyond it the marks do not show one point."""


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """What to do."""

    out: Path
    """A workspace, or a model folder."""
    points: tuple[tuple[Mark, ...], tuple[Mark, ...]]
    """The marks of either end."""
    length_m: float
    pixel_error: float = 1.0
    """Standard error of a mark, a direction, in pixels."""
    dest: Path | None = None
    """Where to write the scaled model; None changes the workspace."""
    is_dry: bool = False
    """Measure, and write nothing."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """What came of it."""

    ends: tuple[MarkedPoint, MarkedPoint]
    length_before: float
    """Between the two ends, in the units of before."""
    factor: float
    """From the units of before to metres."""
    before: ModelFrame
    frame: ModelFrame

    @property
    def relative_error(self) -> float:
        """Standard error of a length in the model, as a part of it."""
        return self.frame.scale_error or 0.0


def scale_model(request: ScaleRequest) -> Scaling:
    """Measure the marked length, and make it the model's scale.

    Raises:
        UsageError: A mark or the length makes no sense, there is no model, or it cannot be written.
        ReconError: A file is damaged, or the disk is full.
    """
    from recon.engine.models import frame_of, read_model

    if not (math.isfinite(request.length_m) and request.length_m > 0):
        raise _bad(f"a length of {request.length_m:g} m", "give the distance between the two points, as 1.20m")
    is_workspace = (request.out / MANIFEST).is_file()
    if request.dest is None and not is_workspace and not request.is_dry:
        raise _bad(
            f"{request.out} is a model folder, not a workspace: it is not changed in place",
            "say with -o DIR where to write the scaled model, or look only with --dry-run",
        )
    with ExitStack() as stack:
        workspace = None
        if is_workspace and request.dest is None and not request.is_dry:
            read_model(request.out)  # says what is wrong before the folder is taken
            workspace = stack.enter_context(_held(request.out))
        model, before = read_model(request.out), frame_of(request.out)
        scaling = _measure(model, before, request)
        if request.is_dry:
            return scaling
        move_model(model, _about_the_middle(model, scaling))
        if workspace is not None:
            _replace(workspace, model, scaling.frame)
        elif request.dest is not None:
            _write_apart(request.dest, model, scaling.frame)
    return scaling


def _measure(model: pycolmap.Reconstruction, before: ModelFrame, request: ScaleRequest) -> Scaling:
    ends = (locate_marks(model, request.points[0]), locate_marks(model, request.points[1]))
    for marks, end in zip(request.points, ends, strict=True):
        worst = max(end.errors_px)
        if worst > MAX_MISFIT * request.pixel_error:
            photos = " and ".join(mark.name for mark in marks)
            raise _bad(
                f"the marks in {photos} do not show one point: the nearest to them appears {worst:.0f} px off",
                "check the marks; pixels count from the photo's top left corner, at full size"
                + ", upright as a viewer shows it",
            )
    apart = ends[1].xyz - ends[0].xyz
    length = float(np.linalg.norm(apart))
    error = math.inf
    if length > 0:
        along = apart / length
        error = request.pixel_error * float(np.sqrt(along @ (ends[0].covariance + ends[1].covariance) @ along)) / length
    if not error <= MAX_SCALE_ERROR:
        raise _bad(
            f"the two points are {length:.3g} units apart, no more than the error of their marks",
            "mark two points that lie farther apart, in photos that see them from different sides",
        )
    facts: dict[str, Any] = {
        "length_m": request.length_m,
        "points": [[[mark.name, mark.x, mark.y] for mark in marks] for marks in request.points],
        "marks_error_px": [[round(error, 3) for error in end.errors_px] for end in ends],
        "angle_deg": [round(end.angle_deg, 2) for end in ends],
        "pixel_error": request.pixel_error,
    }
    frame = replace(
        before,
        units=Units.GEOGRAPHIC if before.origin is not None else Units.METRES,
        source=FrameSource.LENGTH,
        scale_error=float(f"{error:.3g}"),
        facts=facts,
    )
    return Scaling(ends, length, request.length_m / length, before, frame)


def _about_the_middle(model: pycolmap.Reconstruction, scaling: Scaling) -> Similarity:
    """Return the scaling: of a model with a place on earth, about its cameras' middle, which is known best."""
    middle = np.zeros(3)
    if scaling.frame.origin is not None:
        middle = np.mean([model.image(image_id).projection_center() for image_id in model.reg_image_ids()], axis=0)
    return Similarity(scaling.factor, np.eye(3), (1 - scaling.factor) * middle)


@contextmanager
def _held(out: Path) -> Iterator[Workspace]:
    """Hold a workspace, and leave on record how its last run went."""
    with open_workspace(out, recon.__version__) as workspace:
        try:
            yield workspace
        finally:
            workspace.record(state=workspace.previous.state, command=workspace.previous.command)


def _replace(workspace: Workspace, model: pycolmap.Reconstruction, frame: ModelFrame) -> None:
    """Swap the best model, and tell the manifest, so that a later run finds its result as it left it."""
    from recon.engine.models import frame_of, read_model, write_models
    from recon.output.ply import write_ply

    previous = workspace.previous
    others = sorted((p for p in workspace.sparse.iterdir() if p.name.isdecimal() and p.name != "0"), key=_number)
    models = [model, *(read_model(folder) for folder in others)]
    frames = [frame, *(frame_of(folder) for folder in others)]
    write_models(models, workspace.path, frames)
    write_ply(model, workspace.points, frame)
    stages = dict(workspace.manifest.stages)
    if "map" in stages:
        told = stages["map"]
        digests = workspace.digests(workspace.sparse, workspace.points)
        stages["map"] = replace(told, digests=digests, facts={**told.facts, "frame": frame.as_dict()})
    summary = {**previous.summary, "units": str(frame.units), "frame": frame.as_dict()} if previous.summary else {}
    workspace.record(stages=stages, summary=summary)


def _number(folder: Path) -> int:
    return int(folder.name)


def _write_apart(dest: Path, model: pycolmap.Reconstruction, frame: ModelFrame) -> None:
    from recon.engine.model_frames import write_frame
    from recon.output.export import write_colmap
    from recon.output.files import write_errors

    if dest.exists() and not (dest.is_dir() and not any(dest.iterdir())):
        raise UsageError(
            f"{dest} is there already", code=Cause.NOT_WRITABLE, file=str(dest), try_="give another name with -o DIR"
        )
    with write_errors(dest):
        write_colmap(model, dest)
        write_frame(dest, frame)


def _bad(message: str, next_step: str) -> UsageError:
    return UsageError(message, code=Cause.BAD_VALUE, try_=next_step)


__all__ = ["Mark", "ScaleRequest", "Scaling", "scale_model"]
