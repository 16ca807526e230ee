"""What a run gives back: the models, the photos left out, and design's JSON of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, overload

import recon
from recon.choice import Team
from recon.core.data import LeftOut
from recon.core.errors import Cause, ReconError
from recon.plan import Plan
from recon.run import Run
from recon.stages.look_alikes import suspicious_pairs
from recon.stages.overlays import overlays_in_short
from recon.workspace import State

if TYPE_CHECKING:
    import pycolmap

_LIBRARIES = ("numpy", "opencv-python", "pycolmap")
_NUMBERS: Mapping[str, int | float] = {
    "models": 0,
    "images": 0,
    "registered": 0,
    "points3D": 0,
    "observations": 0,
    "mean_track_length": 0.0,
    "mean_reprojection_error_px": 0.0,
}


class StoredModels(Sequence["pycolmap.Reconstruction"]):
    """Models on disk, best first, each read when it is asked for."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._read: dict[int, pycolmap.Reconstruction] = {}

    def __len__(self) -> int:
        return len(self._folders)

    @overload
    def __getitem__(self, index: int) -> pycolmap.Reconstruction: ...

    @overload
    def __getitem__(self, index: slice) -> list[pycolmap.Reconstruction]: ...

    def __getitem__(self, index: int | slice) -> pycolmap.Reconstruction | list[pycolmap.Reconstruction]:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        if place not in self._read:
            from recon.engine.models import read_model

            self._read[place] = read_model(self._folders[place])
        return self._read[place]


@dataclass(frozen=True, slots=True, eq=False)
class ReconstructionResult:
    """What a run made of the photos; without a model, `summary["error"]` says why."""

    models: Sequence[pycolmap.Reconstruction]
    """Best first: by registered images, then points. Empty when no model came of the photos."""

    left_out: tuple[LeftOut, ...]
    """Photos that are not in the best model, with cause and what to try."""

    summary: Mapping[str, Any]
    """The JSON of a run, as `recon run --json` prints it."""

    workspace: Path
    """The folder of all results."""

    @property
    def model(self) -> pycolmap.Reconstruction | None:
        """The best model, or None."""
        return self.models[0] if self.models else None


def summary_of(run: Run, error: ReconError | None, total_seconds: float) -> dict[str, Any]:
    """Return design's JSON of a run; on failure the same keys and `error`."""
    facts = _facts_of_models(run, error)
    numbers = facts.get("numbers", {})
    is_listed = "listing" in vars(run)
    listing = run.listing if is_listed else None
    left_out = [each.as_dict() for each in listing.unusable] if listing else []
    if listing and run.is_extracted:
        left_out += run.record("extract").facts["unreadable"]
    left_out += facts.get("left_out", ())
    seconds = {**run.seconds, "total": total_seconds}
    if error is None and run.did_nothing and run.workspace.previous.state is State.FINISHED:
        seconds = dict(run.workspace.previous.summary["seconds"])
    return {
        **empty_summary(),
        "model": str(run.workspace.sparse / "0") if numbers.get("models") else None,
        **numbers,
        "images": len(listing.images) + len(listing.unusable) + len(added_elsewhere(run)) if listing else 0,
        "left_out": sorted(left_out, key=lambda each: each["image"]),
        "units": (facts.get("frame") or {}).get("units"),
        "frame": facts.get("frame"),
        "apart": list(facts.get("apart", ())),
        "overlays": overlays_in_short(run) if listing and run.is_extracted else [],
        "suspicious_pairs": suspicious_pairs(run) if listing and run.is_matched else [],
        "suspicious_effect": facts.get("suspicious_effect"),
        "ladder": {**facts.get("ladder", {}), "began": list(facts.get("steps", ()))},
        "seconds": {**empty_summary()["seconds"], **{name: round(spent, 3) for name, spent in seconds.items()}},
        "plan": dict(run.workspace.manifest.plan),
        "versions": dict(run.workspace.manifest.versions),
        **({"error": error.as_dict()} if error else {}),
    }


def added_elsewhere(run: Run) -> list[str]:
    """Return the photos that `recon add` brought into the model from outside the run's folder, by name."""
    own = {image.name for image in run.listing.images}
    return [each["image"] for each in run.workspace.manifest.added if each["image"] not in own]


def empty_summary() -> dict[str, Any]:
    """Return the JSON of a run that never began."""
    return {
        "model": None,
        **_NUMBERS,
        "left_out": [],
        "units": None,
        "frame": None,
        "apart": [],
        "overlays": [],
        "suspicious_pairs": [],
        "suspicious_effect": None,
        "ladder": {"began": []},
        "seconds": dict.fromkeys(("extract", "match", "verify", "map", "total"), 0.0),
        "plan": {},
        "versions": {},
    }


def _facts_of_models(run: Run, error: ReconError | None) -> Mapping[str, Any]:
    """Return what is on record of this run's models, finished or not."""
    record = run.workspace.manifest.stages.get("map")
    if record is None or "listing" not in vars(run) or not run.is_matched:
        return {}
    if record.key not in (run.map_key, run.unfinished_map_key, run.no_model_key):
        return {}
    return record.facts


def left_out_from_dicts(entries: Sequence[Mapping[str, Any]]) -> tuple[LeftOut, ...]:
    """Return the photos of a summary's `left_out`."""
    return tuple(
        LeftOut(
            image=each["image"],
            cause=Cause(each["cause"]),
            detail=each["detail"],
            try_=each["try"],
            evidence=each.get("evidence", {}),
        )
        for each in entries
    )


def plan_dict(plan: Plan, team: Team) -> dict[str, Any]:
    """Return the plan as it was carried out, for JSON: components by name, with all their options."""
    return {
        "preset": str(plan.preset),
        "extractor": team.extractor.name if team.extractor else None,
        "pairs": team.pairs.name if team.pairs else None,
        "pairs_file": _absolute(plan.pairs_file),
        "matcher": team.matcher.name,
        "mapper": team.mapper.name,
        "refiner": team.refiner.name if team.refiner else None,
        "world": plan.world,
        "gps_prior": plan.gps_prior,
        "image_list": None if plan.image_list is None else list(plan.image_list),
        "strict": plan.strict,
        "escalate": plan.escalate,
        "keep_overlays": plan.keep_overlays,
        "prior_poses": _absolute(plan.prior_poses),
        "prior_poses_use": str(plan.prior_poses_use),
        "masks": _absolute(plan.masks),
        "frames": plan.frames,
        "max_size": plan.max_size,
        "max_keypoints": plan.max_keypoints,
        "camera": {
            "model": plan.camera.model,
            "params": None if plan.camera.params is None else list(plan.camera.params),
            "grouping": str(plan.camera.grouping),
            "refine_intrinsics": plan.camera.refine_intrinsics,
            "file": _absolute(plan.camera.file),
            "rigs": _absolute(plan.camera.rigs),
        },
        "device": plan.device,
        "threads": plan.threads,
        "seed": plan.seed,
        "weights": {
            f"{member.offer.kind}:{member.name}": _absolute(Path(path))
            for member in team.members
            if (path := plan.settings.given_weights(member.offer.kind, member.name)) is not None
        },
        "options": {f"{member.offer.kind}:{member.name}": member.options_dict() for member in team.members},
    }


def _absolute(path: Path | None) -> str | None:
    """Return a path that still leads there when the manifest is read from another folder."""
    return None if path is None else str(path.expanduser().resolve())


def versions_dict(team: Team | None) -> dict[str, str]:
    """Return the versions of recon, Python, the libraries and the plugins in use."""
    versions = {"recon": recon.__version__, "python": python_version()}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:  # opencv-python-headless, or a build of one's own
            continue
    for member in team.members if team else ():
        versions[f"{member.offer.kind}:{member.name}"] = f"{member.offer.package} {member.offer.version}"
    return versions
