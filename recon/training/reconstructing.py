"""Reconstructs photos, so that the tracks of the model say what is the same place in several of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recon.core.errors import Cause, NoModel
from recon.core.events import Observer
from recon.core.options import Settings
from recon.core.registry import PluginRegistry
from recon.pipeline import RunRequest, carry_out
from recon.plan import make_plan


@dataclass(frozen=True, slots=True)
class Reconstructing:
    """How photos are reconstructed."""

    extractor: str = "auto"
    preset: str = "balanced"
    matcher: str = "auto"
    escalate: bool = True
    settings: Sequence[str] = ()
    """Options of plugins, as --set takes them."""
    device: str = "auto"
    threads: int = 1
    seed: int = 0


def reconstruct_into(
    photos: Path,
    workspace: Path,
    how: Reconstructing,
    registry: PluginRegistry,
    observers: Iterable[Observer],
    should_stop: Callable[[], bool],
) -> None:
    """Make a workspace of photos, or go on with one; where it is finished, nothing is done.

    Raises:
        NoModel: The photos have too little in common; says why.
        Interrupted: `should_stop` said so; the same call goes on.
        ReconError: As `recon run` does.
    """
    plan = make_plan(
        extractor=how.extractor,
        preset=how.preset,
        matcher=how.matcher,
        escalate=how.escalate,
        settings=Settings.from_texts(how.settings),
        device=how.device,
        threads=how.threads,
        seed=how.seed,
    )
    result = carry_out(RunRequest(photos, plan, workspace), registry, observers, should_stop)
    if not (workspace / "sparse" / "0").is_dir():
        told = result.summary.get("error") or {}
        raise NoModel(
            f"no model comes of {photos}, and so nothing tells which places of these photos are the same: "
            f"{told.get('message', 'they have too little in common')}",
            code=Cause(told.get("code", Cause.NO_VERIFIED_GEOMETRY)),
            file=str(photos),
            try_=told.get("try") or "give photos that overlap",
        )
