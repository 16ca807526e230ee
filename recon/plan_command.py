"""The command that a plan amounts to, for runs that were not started by one."""

from __future__ import annotations

from pathlib import Path

from recon.core.commands import RunCommand
from recon.matching.cameras import CameraOptions, Grouping
from recon.plan import PRESETS, Plan, Preset, PriorPosesUse

_PLUGINS = ("extractor", "matcher", "pairs", "mapper", "refiner")
_DEFAULTS = {**dict.fromkeys((*_PLUGINS, "device", "world"), "auto"), "preset": str(Preset.BALANCED), "seed": "0"}
_FLAGS = {
    Grouping.SINGLE: "--single-camera",
    Grouping.PER_IMAGE: "--camera-per-image",
    Grouping.PER_FOLDER: "--camera-per-folder",
}


def command_of(plan: Plan, photos: Path, output: Path | None, workspace: Path) -> RunCommand:
    """Return the `recon run` that gives the same plan, but for a list of photos, which has no file."""
    preset = PRESETS[plan.preset]
    defaults = {**_DEFAULTS, "max_size": str(preset.max_size), "max_keypoints": str(preset.max_keypoints)}
    options: list[tuple[str, str | None]] = [] if output is None else [("-o", str(output))]
    for name, default in defaults.items():
        value = str(getattr(plan, name))
        if value != default:
            options.append((f"--{name.replace('_', '-')}", value))
    for name in ("pairs_file", "prior_poses", "masks", "frames"):
        if (given := getattr(plan, name, None)) is not None:
            options.append((f"--{name.replace('_', '-')}", str(given)))
    if not plan.escalate:
        options.append(("--no-escalate", None))
    if plan.gps_prior:
        options.append(("--gps-prior", None))
    if plan.prior_poses_use is PriorPosesUse.START:
        options.append(("--prior-poses-use", str(plan.prior_poses_use)))
    settings = [("--set", f"{each.written}={_text(each.value)}") for each in plan.settings.entries]
    flags = [(f"--{name.replace('_', '-')}", None) for name in ("strict", "keep_overlays") if getattr(plan, name)]
    return RunCommand(str(photos), str(workspace), (*options, *flags, *settings, *_camera_options(plan.camera)))


def _text(value: object) -> str:
    """Return the value of an option, a text or what TOML or JSON made of it, as it is written behind --set."""
    return ",".join(map(_text, value)) if isinstance(value, (list, tuple)) else str(value)


def _camera_options(camera: CameraOptions) -> list[tuple[str, str | None]]:
    options: list[tuple[str, str | None]] = []
    if camera.model is not None:
        options.append(("--camera-model", camera.model))
    if camera.params is not None:
        options.append(("--camera-params", ",".join(map(repr, camera.params))))
    if camera.file is not None:
        options.append(("--cameras", str(camera.file)))
    if camera.rigs is not None:
        options.append(("--rigs", str(camera.rigs)))
    if camera.grouping in _FLAGS:
        options.append((_FLAGS[camera.grouping], None))
    if camera.refine_intrinsics:
        options.append(("--refine-intrinsics", None))
    return options
