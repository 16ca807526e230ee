"""The command line that repeats a run: as short as it can be, and with every number that the machine chose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from recon.choice import choose_team
from recon.core.commands import RunCommand
from recon.core.options import WEIGHTS, Setting, Settings
from recon.core.registry import PluginRegistry
from recon.plan import Plan
from recon.plan_command import command_of


def repeating_command(plan: Plan, photos: Path, workspace: Path, registry: PluginRegistry) -> RunCommand:
    """Return the `recon run` of a plan that a manifest records, without the options that are as they would be anyway.

    A list of photos has no file, and is left out.

    Raises:
        ReconError: A component of the plan, or its weights, are not here any more.
    """
    short = replace(plan, settings=_that_matter(plan, registry))
    command = command_of(short, photos, workspace, workspace)
    return command.changed({"--threads": str(plan.threads)})


def _that_matter(plan: Plan, registry: PluginRegistry) -> Settings:
    """Return the settings that change something."""
    entries = plan.settings.entries
    weights = Settings(tuple(entry for entry in entries if entry.option == WEIGHTS))
    team = choose_team(replace(plan, settings=weights), registry, lambda message: None)
    usual = {(member.offer.kind, member.name): member.options_dict() for member in team.members}

    def matters(entry: Setting) -> bool:
        options: dict[str, Any] = next(
            (values for (kind, name), values in usual.items() if entry.is_for(kind, name)), {}
        )
        return entry.option == WEIGHTS or options.get(entry.option, ...) != entry.value

    return Settings(tuple(entry for entry in entries if matters(entry)))
