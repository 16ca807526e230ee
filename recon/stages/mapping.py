"""The third stage: models from the verified matches, refined, framed and written."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from recon.core.components import Mapper, MappingOptions
from recon.core.errors import Cause, Interrupted, NoModel
from recon.core.events import StageStarted, Warned
from recon.run import Run
from recon.stages.diagnosing import StepsTaken, diagnose
from recon.stages.escalation import Escalated, escalate
from recon.stages.framing import frame_models
from recon.stages.look_alikes import effect_on
from recon.stages.prior_poses import mapper_on, no_model_on, without_poses
from recon.stages.record import finish
from recon.stages.refining import refine_models


def map_models(run: Run) -> None:
    """Grow the models from the database, and write them with the best one's points.

    Raises:
        NoModel: No model came of it; says why.
        Interrupted: The models that were there by then are written.
    """
    from recon.engine.models import finish_swap, order_models, write_models
    from recon.engine.rigs import scale_to_rigs
    from recon.output.colours import colour_points
    from recon.output.ply import write_ply
    from recon.output.summary import summarise

    workspace = run.workspace
    finish_swap(workspace.path)
    run.observer(StageStarted(stage="map", total=len(run.usable), summary=_mapping_summary(run)))
    checkpoint = workspace.cache / "mapping" / run.map_key[:16]
    options = MappingOptions(
        threads=run.plan.threads,
        seed=run.plan.seed,
        min_model_size=min(3 if run.prior_poses is None else 2, len(run.usable)),
        fixed_camera_ids=run.fixed_camera_ids,
        checkpoint_dir=checkpoint,
        should_stop=run.should_stop,
    )
    mapper = _mapper(run)
    steps = StepsTaken(run.observer)
    with run.timed("map"):
        grown = mapper.map(workspace.database, options, steps)
    models = order_models([model for model in grown if model.num_reg_images() >= options.min_model_size])
    escalated = Escalated(models, run.features.colours)
    if run.prior_poses is None:
        escalated = escalate(run, models, options, steps)
        models = list(escalated.models)
    is_stopped = run.should_stop()
    if not is_stopped and not run.keeps_poses:
        models = order_models(list(refine_models(run, models, options)))
        is_stopped = run.should_stop()
    with run.timed("diagnose"):
        diagnosis = diagnose(run, models)
        if run.prior_poses is not None:
            diagnosis = replace(diagnosis, left_out=without_poses(diagnosis.left_out, run.prior_poses, run.plan))
    with run.timed("map"):
        if run.plan.camera.rigs is not None and sum(scale_to_rigs(model, workspace.database) for model in models):
            run.note(f"the model has the scale of the rigs in {run.plan.camera.rigs}")
        models, frames = frame_models(run, models, options)
    with run.timed("write"):
        facts = {
            "frame": frames[0].as_dict() if frames else None,
            "numbers": {"models": len(models), **(summarise(models[0]).as_dict() if models else {})},
            **diagnosis.facts,
            "suspicious_effect": effect_on(run, models),
            "steps": steps.of(models),
        }
        if not models and not is_stopped:
            finish(run, "map", run.no_model_key, facts)
            if workspace.sparse.exists():
                run.observer(Warned(message=f"{workspace.sparse} still holds the model of an earlier run"))
            if run.plan.prior_poses is not None:
                raise no_model_on(run.plan.prior_poses)
            error = diagnosis.error or NoModel("no model came of the photos", code=Cause.MODEL_TOO_SMALL)
            raise escalated.explain(error)
        if models and not (is_stopped and _has_better_partial(run, facts)):
            for model in models:
                colour_points(model, escalated.colours)
            write_models(models, workspace.path, frames)
            write_ply(models[0], workspace.points, frames[0])
            key = run.unfinished_map_key if is_stopped else run.map_key
            finish(run, "map", key, facts, workspace.sparse, workspace.points)
    if is_stopped:
        raise Interrupted("stopped while mapping")
    shutil.rmtree(checkpoint.parent, ignore_errors=True)


def _mapping_summary(run: Run) -> str:
    return run.team.mapper.name if run.prior_poses is None else f"prior poses, {run.plan.prior_poses_use}"


def _mapper(run: Run) -> Mapper:
    if run.prior_poses is not None:
        run.note(f"{len(run.prior_poses)} prior poses; {run.plan.prior_poses_use.describe()}")
        return mapper_on(run.prior_poses, run.plan.prior_poses_use)
    mapper: Mapper = run.team.mapper.create(run.plan.threads, run.note)
    return mapper


def _has_better_partial(run: Run, facts: Mapping[str, Any]) -> bool:
    record = run.workspace.finished_stage("map", run.unfinished_map_key)
    return record is not None and record.facts["numbers"]["registered"] > facts["numbers"]["registered"]
