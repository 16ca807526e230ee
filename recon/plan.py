"""The Plan of a run: everything that was asked and that determines the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from recon.core.errors import Cause, UsageError
from recon.core.executor import available_threads
from recon.core.frame import FrameChoice
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.device import check_device_name
from recon.matching.cameras import CameraOptions
from recon.matching.prior_cameras import holds_cameras

AUTO = "auto"
NONE = "none"
"""In place of a refiner's name: no refinement."""


class Preset(StrEnum):
    """How much work a run puts into a model."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


class PriorPosesUse(StrEnum):
    """What a run does with poses that are known before."""

    TRIANGULATE = "triangulate"
    """They stay as they are: points are triangulated onto them, and photos without one are left out."""
    START = "start"
    """A first guess: all are refined, and photos without one are registered."""

    def describe(self) -> str:
        """Return what becomes of them, in a few words."""
        if self is PriorPosesUse.TRIANGULATE:
            return "they stay as they are, and points are triangulated onto them"
        return "they are where everything is refined from"


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
    world: str = AUTO
    """Where the model stands in the end: `gps`, `upright`, `model` (as mapped), or the best of these that holds."""

    gps_prior: bool = False
    """Adjust a model that stands where GPS puts it to the photos' positions, too."""

    refiner: str = AUTO
    """Moves the keypoints of the first model by fractions of a pixel; `none` leaves them."""

    pairs_file: Path | None = None
    """Pairs as COLMAP and hloc write them, in place of a pair selector."""

    image_list: tuple[str, ...] | None = None
    """Names of the photos to use; None means all."""

    frames: int | None = None
    """Most frames that are taken of a video; None leaves it to recon."""

    masks: Path | None = None
    """Folder of masks, 0 = ignore; None uses every pixel."""

    strict: bool = False
    """Drop pairs that look alike and contradict the others."""

    escalate: bool = True
    """Match photos that stay out of the best model once more, with more effort."""

    keep_overlays: bool = False
    """Use what stands at the same place in all photos, too."""

    prior_poses: Path | None = None
    """Poses that are known before, in any format that `recon.stages.prior_poses` reads."""

    prior_poses_use: PriorPosesUse = PriorPosesUse.TRIANGULATE
    """What becomes of them."""

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
    frames: int | None = None,
    world: str = AUTO,
    camera: CameraOptions | None = None,
    prior_poses: Path | None = None,
    prior_poses_use: str = PriorPosesUse.TRIANGULATE,
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
        ("frames", frames, 2),
    ):
        if value is not None and value < least:
            raise _bad(f"--{name} {value} is too small", f"give at least {least}")
    check_device_name(device)
    if world not in list(FrameChoice):
        raise _bad(f"--world {world}: no such frame", f"use one of: {', '.join(FrameChoice)}")
    camera = camera or CameraOptions()
    if prior_poses is not None and camera.file is None and camera.params is None and holds_cameras(prior_poses):
        camera = replace(camera, file=prior_poses)
    if prior_poses is not None and choices.get("mapper", AUTO) != AUTO:
        raise _bad("--mapper and --prior-poses exclude each other: the poses are there", "give one of them")
    if prior_poses_use not in list(PriorPosesUse):
        raise _bad(f"no use of prior poses named {prior_poses_use!r}", f"use one of: {', '.join(PriorPosesUse)}")
    plan = Plan(
        prior_poses=prior_poses,
        prior_poses_use=PriorPosesUse(prior_poses_use),
        preset=Preset(preset),
        max_size=max_size or values.max_size,
        max_keypoints=max_keypoints or values.max_keypoints,
        threads=threads or available_threads(),
        seed=seed,
        device=device,
        frames=frames,
        world=world,
        camera=camera,
        **choices,
    )
    if plan.pairs_file is not None and plan.pairs != AUTO:
        raise _bad("--pairs and --pairs-file exclude each other", "give one of them")
    return plan


def _bad(message: str, next_step: str) -> UsageError:
    return UsageError(message, code=Cause.BAD_VALUE, try_=next_step)
