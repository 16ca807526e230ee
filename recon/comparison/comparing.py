"""Carries a comparison out: every combination in a workspace of its own, each measured once and then remembered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pycolmap

from recon.comparison.candidates import Candidate
from recon.comparison.held_out import held_out_consistency
from recon.comparison.running import FinishedRun, run_alone
from recon.comparison.stability import stability
from recon.comparison.trial import Trial
from recon.core.components import Mapper, MappingOptions, RunContext
from recon.core.events import ignore
from recon.core.kinds import Kind
from recon.core.registry import PluginRegistry
from recon.engine.models import read_model
from recon.evaluation import Truth, evaluate
from recon.workspace.atomic import write_text
from recon.workspace.manifest import read_manifest

MEASURED = "comparison.json"
_AGAIN = ".again"


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """What all combinations have in common."""

    run_options: tuple[str, ...] = ()
    """Further options of `recon run`."""
    seed: int = 0
    threads: int = 1


def compare_photos(
    photos: Path,
    candidates: Sequence[Candidate],
    output: Path,
    options: ComparisonOptions,
    registry: PluginRegistry,
    truth: Truth | None = None,
    told: Callable[[str], None] = lambda message: None,
) -> list[Trial]:
    """Return what each combination makes of the photos; one measured before with the same result is not run again.

    Raises:
        ReconError: As the runs say; a plugin's weights are missing, say.
        Interrupted: What was measured by then is kept.
    """
    output.mkdir(parents=True, exist_ok=True)
    known = _read_known(output / MEASURED)
    write_text(output / MEASURED, json.dumps(known, indent=2))  # the folder is ours from now on
    trials = []
    for candidate in candidates:
        told(f"{candidate.label}: running")
        workspace = output / candidate.folder
        shared_seconds = _share_features(output, candidate, candidates)
        run = run_alone(photos, workspace, [*candidate.arguments, *_common(options, options.seed)])
        key = _key(workspace)
        remembered = known.get(candidate.label)
        if remembered and remembered["key"] == key:
            trial = replace(Trial(**remembered["trial"]), auc_deg={})
        else:
            told(f"{candidate.label}: measuring")
            again = output / _AGAIN / candidate.folder
            trial = _measure(candidate, photos, workspace, again, run, options, registry)
            trial = replace(trial, seconds=round(trial.seconds + shared_seconds, 3))
        if truth is not None and trial.registered:
            trial = replace(trial, auc_deg=dict(evaluate(read_model(workspace), truth).auc_deg))
        trials.append(trial)
        known[candidate.label] = {"key": key, "trial": trial.as_dict()}
        write_text(output / MEASURED, json.dumps(known, indent=2))
    shutil.rmtree(output / _AGAIN, ignore_errors=True)
    return trials


def _common(options: ComparisonOptions, seed: int) -> list[str]:
    return [*options.run_options, "--threads", str(options.threads), "--seed", str(seed)]


def _measure(
    candidate: Candidate,
    photos: Path,
    workspace: Path,
    again: Path,
    run: FinishedRun,
    options: ComparisonOptions,
    registry: PluginRegistry,
) -> Trial:
    summary = run.summary
    numbers = {name: summary[name] for name in ("registered", "images", "models", "points3D", "observations",
                                                "mean_track_length", "mean_reprojection_error_px")}  # fmt: skip
    trial = Trial(
        label=candidate.label,
        workspace=str(workspace),
        **numbers,
        seconds=summary["seconds"]["total"],
        memory_mb=run.memory_mb,
        error=summary["error"]["message"] if summary.get("error") else None,
    )
    if not trial.registered:
        return trial
    _link_cache(workspace, again)
    second = run_alone(photos, again, [*candidate.arguments, *_common(options, options.seed + 1)])
    mapper = registry.find(Kind.MAPPER, str(summary["plan"]["mapper"])).spec

    how = MappingOptions(threads=options.threads, seed=options.seed, min_model_size=min(3, trial.images))

    def map_models(database: Path) -> Sequence[pycolmap.Reconstruction]:
        made: Mapper = mapper.create(mapper.options(), RunContext(threads=options.threads, seed=options.seed))
        return made.map(database, how, ignore)

    consistency = held_out_consistency(workspace / "database.db", map_models, options.seed)
    same = stability(read_model(workspace), read_model(again)) if second.summary["registered"] else 0.0
    shutil.rmtree(again, ignore_errors=True)
    return replace(
        trial,
        stability=same,
        held_out_consistency=consistency.share if consistency else None,
        held_out_pairs=consistency.pairs if consistency else 0,
    )


def _share_features(output: Path, candidate: Candidate, candidates: Sequence[Candidate]) -> float:
    """Give a combination the features that another one with the same extractor has found; return what they took."""
    workspace = output / candidate.folder
    if candidate.extractor is None or (workspace / ".cache").exists():
        return 0.0
    for other in candidates:
        found = output / other.folder
        if other.extractor == candidate.extractor and other != candidate and (found / ".cache" / "features").is_dir():
            _link_cache(found, workspace, only="features")
            stage = read_manifest(found / "recon.json").stages.get("extract")
            return sum(stage.seconds.values()) if stage else 0.0
    return 0.0


def _link_cache(source: Path, target: Path, only: str | None = None) -> None:
    """Make a workspace's kept results those of another, too; results have keys, so a wrong one is never used."""
    from recon.workspace.folder import FILES
    from recon.workspace.manifest import Manifest

    if target.exists():
        return
    kept = source / ".cache" if only is None else source / ".cache" / only
    target.mkdir(parents=True)
    Manifest(read_manifest(source / "recon.json").recon, files=FILES).write(target / "recon.json")
    shutil.copytree(kept, target / ".cache" / (only or ""), copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    # A database is written in place: two workspaces must not share one.
    if not source.endswith(".db"):
        with suppress(OSError):
            Path(target).hardlink_to(source)
            return
    shutil.copyfile(source, target)


def _key(workspace: Path) -> str | None:
    """Return the key of the result in a workspace; None without a model."""
    stage = read_manifest(workspace / "recon.json").stages.get("map")
    return stage.key if stage else None


def _read_known(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
