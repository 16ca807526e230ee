"""The plan of a finished run, read back from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.core.options import WEIGHTS, Setting, Settings
from recon.matching.cameras import CameraOptions, Grouping
from recon.plan import AUTO, NONE, Plan, PriorPosesUse, make_plan

_SAME = ("preset", "max_size", "max_keypoints", "seed")


def plan_of(recorded: Mapping[str, Any], manifest: Path, *, device: str = AUTO, threads: int | None = None) -> Plan:
    """Return the plan that a manifest records: the components that were used, each with all its options.

    Args:
        recorded: The manifest's `plan`.
        manifest: Where it lies, for messages.
        device: Where plugins run now; `auto` means where they ran.
        threads: None means as many as there are cores.

    Raises:
        UsageError: CORRUPT_FILE, it records no plan.
    """
    try:
        camera = recorded["camera"]
        image_list, pairs_file = recorded["image_list"], recorded["pairs_file"]
        return make_plan(
            **{name: recorded[name] for name in _SAME},
            extractor=recorded["extractor"] or AUTO,  # none: the matcher sees pixels
            matcher=recorded["matcher"],
            pairs=recorded["pairs"] or AUTO,
            mapper=AUTO if recorded.get("prior_poses") else recorded["mapper"],
            refiner=recorded["refiner"] or NONE,
            world=recorded.get("world", AUTO),
            strict=recorded.get("strict", False),
            escalate=recorded.get("escalate", True),
            keep_overlays=recorded.get("keep_overlays", False),
            gps_prior=recorded.get("gps_prior", False),
            pairs_file=None if pairs_file is None else Path(pairs_file),
            image_list=None if image_list is None else tuple(image_list),
            frames=recorded.get("frames"),
            prior_poses=None if recorded.get("prior_poses") is None else Path(recorded["prior_poses"]),
            prior_poses_use=recorded.get("prior_poses_use", PriorPosesUse.TRIANGULATE),
            masks=None if recorded.get("masks") is None else Path(recorded["masks"]),
            camera=CameraOptions(
                camera["model"],
                None if camera["params"] is None else tuple(camera["params"]),
                Grouping(camera["grouping"]),
                camera["refine_intrinsics"],
                None if camera.get("file") is None else Path(camera["file"]),
                None if camera.get("rigs") is None else Path(camera["rigs"]),
            ),
            settings=_settings(recorded["options"], recorded.get("weights", {}), manifest),
            device=recorded["device"] if device == AUTO else device,
            threads=threads,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{manifest} records no plan of a run: {error!r}",
            code=Cause.CORRUPT_FILE,
            file=str(manifest),
            try_="give the same `recon run` command again: it writes it anew",
        ) from error


def _settings(options: Mapping[str, Mapping[str, object]], weights: Mapping[str, str], manifest: Path) -> Settings:
    entries = []
    for title, values in options.items():
        kind, _, name = title.partition(":")
        entries += [Setting(name, option, value, Kind(kind), str(manifest)) for option, value in values.items()]
    for title, path in weights.items():
        kind, _, name = title.partition(":")
        entries.append(Setting(name, WEIGHTS, path, Kind(kind), str(manifest)))
    return Settings(tuple(entries))
