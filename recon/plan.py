"""The Plan of a run: everything that was asked and that determines the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.core.executor import available_threads
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.device import check_device_name
from recon.matching.cameras import CameraOptions

AUTO = "auto"
NONE = "none"
"""In place of a refiner's name: no refinement."""


class Preset(StrEnum):
    """How much work a run puts into a model."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class PresetValues:
    """What a preset stands for; an option given by the user beats it."""

    max_size: int
    max_keypoints: int
    mapper_options: Mapping[str, Any] = field(default_factory=dict)
    """Values for those of them that the mapper in use has."""

    refiner: str = NONE
    """What refiner `auto` stands for."""


PRESETS = {
    Preset.FAST: PresetValues(1024, 2048),
    Preset.BALANCED: PresetValues(1600, 4096),
    Preset.BEST: PresetValues(3200, 8192, {"skeleton": False}, refiner="photometric"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked, complete: `auto` is still `auto`, but sizes and threads are numbers."""

    extractor: str = AUTO
    matcher: str = AUTO
    pairs: str = AUTO
    mapper: str = AUTO
    refiner: str = AUTO
    """Moves the keypoints of the first model by fractions of a pixel; `none` leaves them."""

    pairs_file: Path | None = None
    """Pairs as COLMAP and hloc write them, in place of a pair selector."""

    image_list: tuple[str, ...] | None = None
    """Names of the photos to use; None means all."""

    settings: Settings = field(default_factory=Settings)
    """Options of plugins."""

    preset: Preset = Preset.BALANCED
    max_size: int
    """Longest side in pixels that the extractor sees."""

    max_keypoints: int
    camera: CameraOptions
    device: str = AUTO
    threads: int
    seed: int = 0

    @property
    def refiner_name(self) -> str | None:
        """The refiner to use: as given, or the preset's; None for none."""
        name = PRESETS[self.preset].refiner if self.refiner == AUTO else self.refiner
        return None if name == NONE else name

    def defaults_for(self, kind: Kind) -> Mapping[str, Any]:
        """Return values that stand below every plugin option the user set, and above the plugin's own defaults."""
        match kind:
            case Kind.EXTRACTOR | Kind.IMAGE_MATCHER:
                return {"max_keypoints": self.max_keypoints}
            case Kind.MAPPER:
                return PRESETS[self.preset].mapper_options
            case _:
                return {}


def make_plan(
    *,
    preset: str = Preset.BALANCED,
    max_size: int | None = None,
    max_keypoints: int | None = None,
    threads: int | None = None,
    seed: int = 0,
    device: str = AUTO,
    camera: CameraOptions | None = None,
    **choices: Any,
) -> Plan:
    """Return the plan in which what is not given comes from the preset and the machine.

    Args:
        choices: Further fields of `Plan`.

    Raises:
        UsageError: BAD_VALUE, naming the option; two options that exclude each other.
    """
    if preset not in list(Preset):
        raise _bad(f"no preset named {preset!r}", f"use one of: {', '.join(Preset)}")
    values = PRESETS[Preset(preset)]
    for name, value, least in (
        ("max-size", max_size, 16),
        ("max-keypoints", max_keypoints, 1),
        ("threads", threads, 1),
        ("seed", seed, 0),
    ):
        if value is not None and value < least:
            raise _bad(f"--{name} {value} is too small", f"give at least {least}")
    check_device_name(device)
    plan = Plan(
        preset=Preset(preset),
        max_size=max_size or values.max_size,
        max_keypoints=max_keypoints or values.max_keypoints,
        threads=threads or available_threads(),
        seed=seed,
        device=device,
        camera=camera or CameraOptions(),
        **choices,
    )
    if plan.pairs_file is not None and plan.pairs != AUTO:
        raise _bad("--pairs and --pairs-file exclude each other", "give one of them")
    return plan


def _bad(message: str, next_step: str) -> UsageError:
    return UsageError(message, code=Cause.BAD_VALUE, try_=next_step)
