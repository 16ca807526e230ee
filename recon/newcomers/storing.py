"""A workspace whose model grew by photos that its run did not have: what is written, and what goes on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from recon.core.data import LeftOut
from recon.newcomers.finished_run import FinishedRun
from recon.newcomers.gathering import Gathered
from recon.workspace import StageRecord, Workspace

if TYPE_CHECKING:
    import pycolmap

    from recon.engine.database_extension import Extension


def store_grown(
    finished: FinishedRun,
    workspace: Workspace,
    model: pycolmap.Reconstruction,
    others: Sequence[pycolmap.Reconstruction],
    extension: Extension,
) -> None:
    """Put the larger database and model in place of the earlier ones, each whole or not at all.

    Raises:
        ReconError: DISK_FULL or NOT_WRITABLE.
    """
    from recon.engine.database_file import take_place
    from recon.engine.models import frame_of, write_models
    from recon.output.ply import write_ply

    numbers = range(1 + len(others))
    frames = [frame_of(workspace.sparse / str(number)) for number in numbers]
    take_place(extension.path, workspace.database)
    write_models([model, *others], workspace.path, frames)
    write_ply(model, workspace.points, frames[0])


def record_added(
    finished: FinishedRun,
    workspace: Workspace,
    gathered: Gathered,
    model: pycolmap.Reconstruction,
    left_out: Sequence[LeftOut],
) -> None:
    """Write into the manifest which photos were added, and what the stages' files and numbers are now."""
    from recon.engine.adding import registered_names
    from recon.engine.database_contents import read_keypoints

    manifest = workspace.manifest
    own = {image.name for image in finished.run.listing.images}
    before = {each["image"]: each for each in manifest.added}
    in_model, in_database = set(registered_names(model)), set(read_keypoints(workspace.database))
    new = {image.name for image in gathered.new}
    added = before | {
        image.name: {"image": image.name, "file": str(image.path.resolve()), "digest": image.digest}
        for image in (*gathered.new, *gathered.known)
        if image.name in in_database and (image.name in new or image.name not in own)
    }
    told = [{**each, "registered": name in in_model} for name, each in sorted(added.items())]
    stages = dict(manifest.stages)
    stages["match"] = replace(stages["match"], digests=workspace.digests(workspace.database))
    digests = workspace.digests(workspace.sparse, workspace.points)
    facts = _facts(stages["map"], model, left_out)
    stages["map"] = replace(stages["map"], digests=digests, facts=facts)
    workspace.record(added=told, stages=stages, summary=_summary(manifest.summary, facts, len(told) - len(before)))


def _facts(record: StageRecord, model: pycolmap.Reconstruction, left_out: Sequence[LeftOut]) -> dict[str, Any]:
    from recon.engine.adding import registered_names
    from recon.output.summary import summarise

    in_model = set(registered_names(model))
    told = {each["image"]: each for each in record.facts.get("left_out", ())}
    told |= {each.image: each.as_dict() for each in left_out}
    return {
        **record.facts,
        "numbers": {**record.facts["numbers"], **summarise(model).as_dict()},
        "left_out": [each for name, each in sorted(told.items()) if name not in in_model],
    }


def _summary(summary: Mapping[str, Any], facts: Mapping[str, Any], num_added: int) -> dict[str, Any]:
    return {
        **summary,
        **facts["numbers"],
        "images": summary.get("images", 0) + num_added,
        "left_out": facts["left_out"],
    }
